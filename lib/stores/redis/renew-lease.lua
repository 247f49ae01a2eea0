-- Prolongs a lease that is still ours.
-- KEYS[1]  the lease's key
-- ARGV[1]  our uuid
-- ARGV[2]  milliseconds from now
-- returns  1 prolonged, 0 it is not ours any more
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
