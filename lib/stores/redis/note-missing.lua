-- Remembers that chunks of a trace were missing at a read. Other chunks than at the last read: anew.
-- KEYS[1]  hash: which, reads, firstMs
-- ARGV[1]  which chunks are missing, as text
-- ARGV[2]  now, in milliseconds
-- ARGV[3]  milliseconds to remember it for
-- returns  {reads so far, milliseconds of the first one}
if redis.call('HGET', KEYS[1], 'which') ~= ARGV[1] then
  redis.call('HSET', KEYS[1], 'which', ARGV[1], 'reads', 0, 'firstMs', ARGV[2])
end
local reads = redis.call('HINCRBY', KEYS[1], 'reads', 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return { reads, tonumber(redis.call('HGET', KEYS[1], 'firstMs')) }
