-- Applies what a market's journal has committed after the cursor, and moves the cursor: all of it,
-- or nothing where the token is not the last that was given out or the cursor is elsewhere.
--
-- KEYS: fence, cursor, open, ended, order, events, feed
-- ARGV: token, owner, seq before, seq after, head, most ended, longest feed, number of events,
--       then for each event: trip, ordinal, seq, record
--       then for each trip:  O | E | A (open, ended, amended), trip, time of the end in ms, record
-- Answer: {'OK'} | {'FENCED', token} | {'BARE'} | {'CURSOR', term, seq}
local fence = redis.call('HMGET', KEYS[1], 'token', 'owner')
if not fence[1] then return {'BARE'} end
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] then return {'FENCED', fence[1]} end
local at = redis.call('HMGET', KEYS[2], 'term', 'seq')
if at[1] ~= ARGV[1] or at[2] ~= ARGV[3] then
  return {'CURSOR', at[1] or '', at[2] or ''}
end
local count = tonumber(ARGV[8])
local past = {}
for i = 9 + 4 * count, #ARGV, 4 do
  local kind, trip, ended, record = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  if kind == 'O' then
    redis.call('HSET', KEYS[3], trip, record)
  elseif kind == 'E' then
    redis.call('HDEL', KEYS[3], trip)
    redis.call('HSET', KEYS[4], trip, record)
    redis.call('ZADD', KEYS[5], ended, trip)
  elseif redis.call('HEXISTS', KEYS[4], trip) == 1 then
    redis.call('HSET', KEYS[4], trip, record)
  else
    past[trip] = true
  end
end
for i = 9, 8 + 4 * count, 4 do
  local trip = ARGV[i]
  if not past[trip] then
    redis.call('HSET', KEYS[6], trip .. '/' .. ARGV[i + 1], ARGV[i + 3])
  end
  -- One that is there already stays: it is the same.
  redis.pcall('XADD', KEYS[7], 'MAXLEN', '~', ARGV[7], ARGV[1] .. '-' .. ARGV[i + 2],
    'trip', trip, 'event', ARGV[i + 3])
end
local surplus = redis.call('ZCARD', KEYS[5]) - tonumber(ARGV[6])
if surplus > 0 then
  local popped = redis.call('ZPOPMIN', KEYS[5], surplus)
  for i = 1, #popped, 2 do
    redis.call('HDEL', KEYS[4], popped[i])
    local ordinal = 1
    while redis.call('HDEL', KEYS[6], popped[i] .. '/' .. ordinal) == 1 do
      ordinal = ordinal + 1
    end
  end
end
redis.call('HSET', KEYS[2], 'seq', ARGV[4], 'head', ARGV[5],
  'open', redis.call('HLEN', KEYS[3]), 'ended', redis.call('HLEN', KEYS[4]),
  'events', redis.call('HLEN', KEYS[6]))
return {'OK'}
