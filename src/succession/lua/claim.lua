-- Takes the lease of a market for a process, with a token larger than any that is known.
--
-- KEYS: lease, fence
-- ARGV: owner, address, ttl in ms (0: for ever, from whoever has it), floor, wait | take
-- Answer: {'CLAIMED', token} | {'HELD', owner, token, address, ms left} | {'BARE'}
--
-- 'BARE' is said where nothing is known of the market, as after a flush, and the caller was told
-- to wait: whoever is active has to have the time to write down its lease again.
local held = redis.call('HMGET', KEYS[1], 'owner', 'token', 'address')
if held[1] and ARGV[3] ~= '0' then
  return {'HELD', held[1], held[2], held[3], tostring(redis.call('PTTL', KEYS[1]))}
end
local fence = redis.call('HGET', KEYS[2], 'token')
if not fence and ARGV[5] == 'wait' then
  return {'BARE'}
end
local token = math.max(tonumber(fence or '0'), tonumber(ARGV[4])) + 1
local written = string.format('%.0f', token)
redis.call('HSET', KEYS[2], 'token', written, 'owner', ARGV[1])
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'token', written, 'address', ARGV[2])
if ARGV[3] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return {'CLAIMED', written}
