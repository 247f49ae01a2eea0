-- Removes a chunk's data if it is still what was archived: an append changes the length or the bytes,
-- and leaves no other trace (the chunk's row is not touched by it).
-- KEYS[1]  the chunk's key
-- ARGV[1]  length in bytes as archived
-- ARGV[2]  SHA-1 of the bytes as archived, in hex
-- returns  1 removed, 0 there was nothing, -1 it has changed (also to another type) and stays
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == 'none' then
  return 0
end
if kind ~= 'string' then
  return -1
end
if redis.call('STRLEN', KEYS[1]) ~= tonumber(ARGV[1]) then
  return -1
end
if redis.sha1hex(redis.call('GET', KEYS[1])) ~= ARGV[2] then
  return -1
end
redis.call('UNLINK', KEYS[1])
return 1
