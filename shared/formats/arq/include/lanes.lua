-- lanes: the set in which a job waits, and its place there.
-- KEYS  QUEUE, CPU
-- DEFINES  lane_of, waiting_set, put_in_queue, head_due
-- INCLUDES  clock

-- The lane that a job waits for.
local function lane_of(id)
    return type(redis.pcall('ZSCORE', CPU, id)) == 'string' and 'cpu' or 'io'
end

local function waiting_set(lane)
    return lane == 'cpu' and CPU or QUEUE
end

-- Sets a job's due time. A cpu job's is in CPU, and its place in QUEUE is parked. An io job must not also be in CPU,
-- or cpu lanes would take it too.
local function put_in_queue(id, lane, due)
    if lane == 'cpu' and type(redis.pcall('ZADD', CPU, due, id)) == 'number' then
        redis.call('ZADD', QUEUE, PARKED, id)
    else
        redis.call('ZADD', QUEUE, due, id)
        redis.pcall('ZREM', CPU, id)
    end
end

-- The due time of a job that is returned unfinished: before all waiting jobs, as when it was claimed. After a backlog
-- it would be the last, although it has waited longest.
local function head_due(lane, now)
    local source = waiting_set(lane)
    local first = redis.pcall('ZRANGEBYSCORE', source, '(1', ms(now), 'WITHSCORES', 'LIMIT', 0, 1)
    return ms(math.floor(first[2] or now))
end
