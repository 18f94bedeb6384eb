-- order: the scores of waiting jobs, by which they are claimed.
-- KEYS  none
-- DEFINES  LEVEL, head_score, next_stamp, queued_ms, stamp_of
-- INCLUDES  clock

-- score = level of the priority + stamp. A stamp is a time in 1/32 ms since the beginning of 2026, and strictly
-- increases with each call, whatever the clock does. All are whole numbers below 2^53, so they are exact.
local EPOCH = 1767225600000
local LEVEL_SIZE = 17592186044416 -- 2^44
local LEVEL = 500 * LEVEL_SIZE -- of priority 0; a higher priority has a lower level

-- Times before 2026 count as its beginning, with room before them for jobs that return.
local function stamp_of(ms)
    return math.max(4294967296, math.floor((ms - EPOCH) * 32))
end

-- When a job became queued, from its score; with fractions of a ms, so that it also shows the order.
local function queued_ms(score)
    return EPOCH + score % LEVEL_SIZE / 32
end

-- The stamp of a call; `last` is the newest score of priority 0 so far, from meta. The caller stores it.
local function next_stamp(now, last)
    return math.max(stamp_of(now), (tonumber(last) or LEVEL) - LEVEL + 1)
end

-- The score before that of the first waiting job of the level: for jobs that return unfinished.
local function head_score(queued, now)
    local first = redis.call('ZRANGEBYSCORE', queued, LEVEL, '(' .. whole(LEVEL + LEVEL_SIZE), 'WITHSCORES', 'LIMIT', 0, 1)
    return (tonumber(first[2]) or LEVEL + stamp_of(now)) - 1
end
