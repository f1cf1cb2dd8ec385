-- Where the copy is, for whoever holds the last token.
--
-- KEYS: fence, cursor
-- ARGV: token, owner
-- Answer: {'CURSOR', term, seq} | {'FENCED', token} | {'BARE'}
local fence = redis.call('HMGET', KEYS[1], 'token', 'owner')
if not fence[1] then return {'BARE'} end
if fence[1] ~= ARGV[1] or fence[2] ~= ARGV[2] then return {'FENCED', fence[1]} end
local at = redis.call('HMGET', KEYS[2], 'term', 'seq')
return {'CURSOR', at[1] or '', at[2] or ''}
