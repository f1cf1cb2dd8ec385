-- Adds trips to a copy that is being made beside the one in place.
--
-- KEYS: fence, new open, new ended, new order, new events
-- ARGV: token, owner, first | next,
--       then for each trip: O | E, trip, time of the end in ms, record, number of events, their records
-- Answer: {'OK'} | {'FENCED', token} | {'BARE'}
local fence = redis.call('HMGET', KEYS[1], 'token', 'owner')
if not fence[1] then return {'BARE'} end
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] then return {'FENCED', fence[1]} end
if ARGV[3] == 'first' then
  redis.call('UNLINK', KEYS[2], KEYS[3], KEYS[4], KEYS[5])
end
local i = 4
while i <= #ARGV do
  local trip, count = ARGV[i + 1], tonumber(ARGV[i + 4])
  if ARGV[i] == 'O' then
    redis.call('HSET', KEYS[2], trip, ARGV[i + 3])
  else
    redis.call('HSET', KEYS[3], trip, ARGV[i + 3])
    redis.call('ZADD', KEYS[4], ARGV[i + 2], trip)
  end
  for ordinal = 1, count do
    redis.call('HSET', KEYS[5], trip .. '/' .. ordinal, ARGV[i + 4 + ordinal])
  end
  i = i + 5 + count
end
return {'OK'}
