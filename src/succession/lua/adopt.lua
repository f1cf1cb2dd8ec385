-- Goes on with a copy that is as the caller's journal is: its cursor gets the caller's token.
-- With the caller's own token it changes nothing, and is the write that a WAIT can wait for.
--
-- KEYS: fence, cursor
-- ARGV: token, owner, term, seq
-- Answer: {'OK'} | {'FENCED', token} | {'BARE'} | {'CURSOR', term, seq}
local fence = redis.call('HMGET', KEYS[1], 'token', 'owner')
if not fence[1] then return {'BARE'} end
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] then return {'FENCED', fence[1]} end
local at = redis.call('HMGET', KEYS[2], 'term', 'seq')
if at[1] ~= ARGV[3] or at[2] ~= ARGV[4] then
  return {'CURSOR', at[1] or '', at[2] or ''}
end
redis.call('HSET', KEYS[2], 'term', ARGV[1])
return {'OK'}
