-- fleet_overdue: finds workers that have fallen silent.
-- KEYS  beats, records
-- DEFINES  overdue_workers
-- INCLUDES  clock

-- At most ten workers, each as its id and record.
local function overdue_workers(now)
    local ids = redis.call('ZRANGEBYSCORE', BEATS, '-inf', '(' .. whole(now), 'LIMIT', 0, 10)
    local found = {}
    if #ids > 0 then
        for at, record in ipairs(redis.call('HMGET', RECORDS, unpack(ids))) do
            found[at] = {ids[at], record}
        end
    end
    return found
end
