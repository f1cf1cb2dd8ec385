-- Puts the copy that was made beside it into the place of the one before, at once.
--
-- KEYS: fence, cursor, feed, open, ended, order, events, new open, new ended, new order, new events
-- ARGV: token, owner, seq, head, open trips, ended trips
-- Answer: {'OK'} | {'FENCED', token} | {'BARE'} | {'STAGED', open, ended}
local fence = redis.call('HMGET', KEYS[1], 'token', 'owner')
if not fence[1] then return {'BARE'} end
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] then return {'FENCED', fence[1]} end
local open, ended = redis.call('HLEN', KEYS[8]), redis.call('HLEN', KEYS[9])
if open ~= tonumber(ARGV[5]) or ended ~= tonumber(ARGV[6]) then
  return {'STAGED', tostring(open), tostring(ended)}
end
for i = 4, 7 do
  redis.call('UNLINK', KEYS[i])
  if redis.call('EXISTS', KEYS[i + 4]) == 1 then
    redis.call('RENAME', KEYS[i + 4], KEYS[i])
  end
end
-- What follows must be able to follow: the feed's ids rise.
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
if last[1] then
  local term, seq = string.match(last[1][1], '^(%d+)-(%d+)$')
  if tonumber(term) > tonumber(ARGV[1])
    or (term == ARGV[1] and tonumber(seq) > tonumber(ARGV[3])) then
    redis.call('UNLINK', KEYS[3])
  end
end
redis.call('DEL', KEYS[2])
redis.call('HSET', KEYS[2], 'term', ARGV[1], 'seq', ARGV[3], 'head', ARGV[4],
  'open', open, 'ended', ended, 'events', redis.call('HLEN', KEYS[7]))
return {'OK'}
