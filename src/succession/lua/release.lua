-- Gives a lease back, if it is still the caller's, so that a successor need not wait for its end.
--
-- KEYS: lease
-- ARGV: owner, token
-- Answer: {'RELEASED'} | {'LOST'}
local held = redis.call('HMGET', KEYS[1], 'owner', 'token')
if held[1] == ARGV[1] and held[2] == ARGV[2] then
  redis.call('DEL', KEYS[1])
  return {'RELEASED'}
end
return {'LOST'}
