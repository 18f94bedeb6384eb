-- tidying: deletes expired data of a queue.
-- KEYS  gone, barred
-- DEFINES  tidy
-- INCLUDES  clock, keeping

local function trim(key, before, most)
    local old = redis.call('ZRANGEBYSCORE', key, '-inf', whole(before), 'LIMIT', 0, most)
    if #old > 0 then
        redis.call('ZREM', key, unpack(old))
    end
end

-- At most `most` of each kind, up to 1,000.
local function tidy(now, most)
    trim(GONE, now - 3600000, most)
    trim(BARRED, now - 3600000, most)
    drop_ended(now, most)
end
