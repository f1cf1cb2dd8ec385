-- Gives a lease back, if it is still the caller's, so that a successor need not wait for its end, nor ask
-- whether it has come. The caller waits for no lease any more either.
--
-- KEYS: lease, fence, standbys
-- ARGV: owner, token, address
-- Answer: {'RELEASED'} | {'LOST'}
redis.call('ZREM', KEYS[3], ARGV[1] .. ' ' .. ARGV[3])
local fence = redis.call('HMGET', KEYS[2], 'token', 'owner')
if fence[1] == ARGV[2] and fence[2] == ARGV[1] then
  redis.call('HDEL', KEYS[2], 'address')
end
local held = redis.call('HMGET', KEYS[1], 'owner', 'token')
if held[1] == ARGV[1] and held[2] == ARGV[2] then
  redis.call('DEL', KEYS[1])
  return {'RELEASED'}
end
return {'LOST'}
