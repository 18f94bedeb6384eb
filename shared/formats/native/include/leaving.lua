-- leaving: takes jobs away that have waited, as somebody deleted them or moved them.
-- KEYS  payloads, notes, progress, cancels, live
-- DEFINES  leave
-- INCLUDES  clock, keeping, trails

-- Their places are gone already. `counted` is the counter that gets them; their ids go to the channel of ends.
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
