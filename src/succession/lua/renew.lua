-- Prolongs a lease, or writes it down again where it has vanished and nobody can have had one since.
--
-- KEYS: lease, fence, standbys
-- ARGV: owner, token, address, ttl in ms (0: for ever), valid | over
-- Answer: {'RENEWED', standbys...} | {'RESTORED', standbys...} | {'LOST', owner, token, address, ms left}
--       | {'BARE'}
--       a standby is 'owner address': who has looked for the lease lately
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
redis.call('HSET', KEYS[2], 'token', ARGV[2], 'owner', ARGV[1], 'address', ARGV[3])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', ARGV[2], 'address', ARGV[3])
if ARGV[4] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now))
local answer = {ours and 'RENEWED' or 'RESTORED'}
for _, other in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  if other ~= ARGV[1] .. ' ' .. ARGV[3] then answer[#answer + 1] = other end
end
return answer
