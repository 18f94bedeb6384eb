-- waiting: how long the longest waiting job of each lane has been due without being run.
-- KEYS  QUEUE, RUN, CPU, PAUSED
-- ARGV  none
-- RETURNS  {ms for the io lane, ms for the cpu lane}; -1 if no such job is among the first of the lane
-- GUARANTEES  it changes nothing. Jobs that arq workers run stay due and are skipped; in a paused queue, no job counts
--             as waiting.
-- INCLUDES  clock
local FIRST = 50
if redis.call('EXISTS', PAUSED) == 1 then
    return {-1, -1}
end
local now = now_ms()

local function waits_ms(source)
    -- Scores up to 1 are not times: aborts set them.
    local due = redis.call('ZRANGEBYSCORE', source, '(1', ms(now), 'WITHSCORES', 'LIMIT', 0, FIRST)
    for at = 1, #due, 2 do
        if redis.call('EXISTS', RUN .. due[at]) == 0 then
            return math.floor(now - tonumber(due[at + 1]))
        end
    end
    return -1
end

return {waits_ms(QUEUE), waits_ms(CPU)}
