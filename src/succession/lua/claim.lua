-- Takes the lease of a market for a process, with a token larger than any that is known.
--
-- KEYS: lease, fence, waiting
-- ARGV: owner, address, ttl in ms (0: for ever), floor, claim | seize (from whoever has it)
-- Answer: {'CLAIMED', token} | {'HELD', owner, token, address, ms left} | {'BARE'}
--
-- Where nothing is known of the market, as after a flush, whoever is active has to have the time to
-- write down its lease again: so it is claimed only when nothing has been known for a whole lease. Since
-- when that is so is noted here, so that another flush begins the wait anew.
local held = redis.call('HMGET', KEYS[1], 'owner', 'token', 'address')
if held[1] and ARGV[5] ~= 'seize' then
  return {'HELD', held[1], held[2], held[3], tostring(redis.call('PTTL', KEYS[1]))}
end
local fence = redis.call('HGET', KEYS[2], 'token')
local clock = redis.call('TIME')
if not fence and ARGV[5] ~= 'seize' then
  local now = tonumber(clock[1]) * 1000 + math.floor(tonumber(clock[2]) / 1000)
  local wait = math.max(tonumber(ARGV[3]), 500)
  local since = tonumber(redis.call('GET', KEYS[3]) or now + 1)
  if since > now then
    redis.call('SET', KEYS[3], string.format('%.0f', now), 'PX', wait * 10)
    return {'BARE'}
  end
  if now - since <= wait then return {'BARE'} end
end
-- Where nothing is known, tokens go on from the time in seconds: above those of before a flush.
local token = math.max(tonumber(fence or clock[1]), tonumber(ARGV[4])) + 1
local written = string.format('%.0f', token)
redis.call('DEL', KEYS[1], KEYS[3])
redis.call('HSET', KEYS[2], 'token', written, 'owner', ARGV[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', written, 'address', ARGV[2])
if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {'CLAIMED', written}
