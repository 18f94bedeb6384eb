-- wake_all: wakes all workers that wait for work of a lane queue.
-- KEYS  none
-- DEFINES  wake_all
-- INCLUDES  none
local function wake_all(idle, queued)
    local waiting = redis.call('ZPOPMIN', idle, 10000)
    for at = 1, #waiting, 2 do
        redis.call('PUBLISH', 'monarq:n:wake:' .. waiting[at], queued)
    end
end
