-- leaving: removes waiting jobs that were purged or moved.
-- KEYS  payloads, notes, progress, cancels, live
-- DEFINES  leave
-- INCLUDES  clock, keeping, trails

-- They were already removed from their sets. `counted` is the counter to use; their ids are published on the channel of ends.
local function leave(ids, counted, channel)
    redis.call('HDEL', PAYLOADS, unpack(ids))
    redis.call('HDEL', NOTES, unpack(ids))
    local reports = redis.call('HMGET', PROGRESS, unpack(ids))
    redis.call('HDEL', PROGRESS, unpack(ids))
    redis.call('ZREM', CANCELS, unpack(ids))
    drop_trails(ids)
    leave_tombstones(now_ms(), ids, reports)
    redis.pcall('HINCRBY', LIVE, counted .. '\0', #ids)
    redis.call('PUBLISH', channel, 'i' .. table.concat(ids, '\0'))
end
