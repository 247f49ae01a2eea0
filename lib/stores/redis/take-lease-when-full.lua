-- Takes a lease in a Redis that has reached maxmemory, where SET is refused. Redis asks for room only before
-- the first write of a script, or it would have to stop in the middle: the first one here removes nothing.
-- KEYS[1]  the lease's key
-- ARGV[1]  our uuid
-- ARGV[2]  milliseconds from now
-- returns  {1, milliseconds left} taken, {0, milliseconds left} somebody else has it
if redis.call('EXISTS', KEYS[1]) == 1 then
  return { 0, redis.call('PTTL', KEYS[1]) }
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2], 'NX')
return { 1, redis.call('PTTL', KEYS[1]) }
