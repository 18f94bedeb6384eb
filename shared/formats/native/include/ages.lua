-- ages: how long jobs of a lane queue have been waiting.
-- KEYS  none
-- DEFINES  count_due, waited_ms
-- INCLUDES  clock, order

-- How many deferred jobs are due but have not been made queued by a claim yet.
local function count_due(deferred, now)
    return redis.call('ZCOUNT', deferred, '-inf', whole(now))
end

-- How many ms the first queued job has been queued, or the first due job has been due, whichever is longer; -1 if no
-- job waits.
local function waited_ms(queued, deferred, now)
    local first = redis.call('ZRANGE', queued, 0, 0, 'WITHSCORES')
    local due = redis.call('ZRANGEBYSCORE', deferred, '-inf', whole(now), 'WITHSCORES', 'LIMIT', 0, 1)
    local waited = -1
    if first[2] then
        waited = math.max(0, now - queued_ms(first[2]))
    end
    return due[2] and math.max(waited, math.floor(now - due[2])) or waited
end
