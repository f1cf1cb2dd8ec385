-- Looks for the lease of a market, or takes it for a process with a token larger than any that is known.
--
-- KEYS: lease, fence, waiting, standbys
-- ARGV: owner, address, ttl in ms (0: for ever), floor, how, last token
--       how: look | claim (if nobody has it, and that is the last token) | seize (from whoever has it)
-- Answer: {'CLAIMED', token, standbys...} | {'HELD', owner, token, address, ms left} | {'BARE'}
--       | {'FREE', owner, token, address, standbys...} | {'AGAIN'}
--       a standby is 'owner address'
--
-- Who looks is known as a standby for as long as its lease would be: each renewal tells the holder of
-- those, and who is none any more takes nothing. So a claim that was held up on its way, while Redis
-- stood still for example, does nothing, and whoever takes the lease has been known to every renewal
-- since it last looked.
--
-- Where nothing is known of the market, as after a flush, whoever is active has to have the time to
-- write down its lease again: so it is claimed only when nothing has been known for a whole lease. Since
-- when that is so is noted here, so that another flush begins the wait anew.
local clock = redis.call('TIME')
local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
local wait = math.max(tonumber(ARGV[3]), 500)
local me = ARGV[1] .. ' ' .. ARGV[2]
redis.call('ZREMRANGEBYSCORE', KEYS[4], '-inf', string.format('%.0f', now))
local known = redis.call('ZSCORE', KEYS[4], me)
if ARGV[5] == 'look' then
  redis.call('ZADD', KEYS[4], string.format('%.0f', now + wait), me)
  redis.call('PEXPIRE', KEYS[4], wait * 10)
end
local held = redis.call('HMGET', KEYS[1], 'owner', 'token', 'address')
if held[1] and ARGV[5] ~= 'seize' then
  return {'HELD', held[1], held[2], held[3], tostring(redis.call('PTTL', KEYS[1]))}
end
local fence = redis.call('HMGET', KEYS[2], 'token', 'owner', 'address')
if not fence[1] and ARGV[5] ~= 'seize' then
  local since = tonumber(redis.call('GET', KEYS[3]) or now + 1)
  if since > now then
    redis.call('SET', KEYS[3], string.format('%.0f', now), 'PX', wait * 10)
    return {'BARE'}
  end
  if now - since <= wait then return {'BARE'} end
end
local function with_others(answer)
  for _, other in ipairs(redis.call('ZRANGE', KEYS[4], 0, -1)) do
    if other ~= me then answer[#answer + 1] = other end
  end
  return answer
end
if ARGV[5] == 'look' then
  return with_others({'FREE', fence[2] or '', fence[1] or '0', fence[3] or ''})
end
if ARGV[5] == 'claim' and (not known or ARGV[6] ~= (fence[1] or '0')) then return {'AGAIN'} end
-- Where nothing is known, tokens go on from the time in seconds: above those of before a flush.
local token = math.max(tonumber(fence[1] or clock[1]), tonumber(ARGV[4])) + 1
local written = string.format('%.0f', token)
redis.call('DEL', KEYS[1], KEYS[3])
redis.call('ZREM', KEYS[4], me)
redis.call('HSET', KEYS[2], 'token', written, 'owner', ARGV[1], 'address', ARGV[2])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', written, 'address', ARGV[2])
if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return with_others({'CLAIMED', written})
