-- Prolongs a lease, or writes it down again where it has vanished and nobody has had one since.
--
-- KEYS: lease, fence
-- ARGV: owner, token, address, ttl in ms (0: for ever)
-- Answer: {'RENEWED'} | {'RESTORED'} | {'LOST', owner, token, address, ms left}
local fence = redis.call('HMGET', KEYS[2], 'token', 'owner')
local held = redis.call('HMGET', KEYS[1], 'owner', 'token', 'address')
local ours = held[1] == ARGV[1] and held[2] == ARGV[2]
local later = fence[1] and (tonumber(fence[1]) > tonumber(ARGV[2])
  or (fence[1] == ARGV[2] and fence[2] ~= ARGV[1]))
if later or (held[1] and not ours) then
  if held[1] and not ours then
    return {'LOST', held[1], held[2], held[3], tostring(redis.call('PTTL', KEYS[1]))}
  end
  return {'LOST', fence[2], fence[1], '', '0'}
end
redis.call('HSET', KEYS[2], 'token', ARGV[2], 'owner', ARGV[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', ARGV[2], 'address', ARGV[3])
if ARGV[4] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
if held[1] and fence[1] == ARGV[2] then
  return {'RENEWED'}
end
return {'RESTORED'}
