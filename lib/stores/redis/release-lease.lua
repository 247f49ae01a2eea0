-- Gives a lease back that is still ours; one that somebody else has taken meanwhile stays.
-- KEYS[1]  the lease's key
-- ARGV[1]  our uuid
-- returns  1 given back, 0 it was not ours any more
if redis.call('GET', KEYS[1]) ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1])
return 1
