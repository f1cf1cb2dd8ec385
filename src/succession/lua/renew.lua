-- Prolongs a lease, or writes it down again where it has vanished and nobody can have had one since.
--
-- KEYS: lease, fence
-- ARGV: owner, token, address, ttl in ms (0: for ever), valid | over
-- Answer: {'RENEWED'} | {'RESTORED'} | {'LOST', owner, token, address, ms left} | {'BARE'}
--
-- 'valid' says that the caller still relied upon its lease when it asked: then nobody else can have
-- had one since, whatever Redis has forgotten, and its token is the last. 'over' says that it did
-- not: then only a fence that is still its own proves that.
local fence = redis.call('HMGET', KEYS[2], 'token', 'owner')
local held = redis.call('HMGET', KEYS[1], 'owner', 'token', 'address')
local ours = fence[1] == ARGV[2] and fence[2] == ARGV[1]
if not ours then
  if ARGV[5] == 'over' and not fence[1] then return {'BARE'} end
  local later = fence[1] and tonumber(fence[1]) >= tonumber(ARGV[2])
  if later or ARGV[5] == 'over' then
    if held[1] then
      return {'LOST', held[1], held[2], held[3], tostring(redis.call('PTTL', KEYS[1]))}
    end
    return {'LOST', fence[2], fence[1], '', '0'}
  end
end
redis.call('HSET', KEYS[2], 'token', ARGV[2], 'owner', ARGV[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', ARGV[2], 'address', ARGV[3])
if ARGV[4] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
return {ours and 'RENEWED' or 'RESTORED'}
