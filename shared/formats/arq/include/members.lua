-- members: adds many members to a sorted set.
-- KEYS  none
-- DEFINES  add_members
-- INCLUDES  none

-- Redis keeps a small sorted set as a list, of which each command walks half. A member of more than 64 bytes turns it
-- into a skip list, which it stays until it is empty. A job may have that member's name, but not its score.
local function add_members(key, scored)
    local long = string.rep('x', 65)
    if #scored < 32 or redis.call('ZCARD', key) > 128 or redis.call('ZSCORE', key, long) then
        redis.call('ZADD', key, unpack(scored))
        return
    end
    redis.call('ZADD', key, '-inf', long)
    redis.call('ZADD', key, unpack(scored))
    if redis.call('ZSCORE', key, long) == '-inf' then
        redis.call('ZREM', key, long)
    end
end
