-- wake: wakes idle workers.
-- KEYS  WAKE, WAKE_CPU
-- DEFINES  wake
-- INCLUDES  none

-- Wakes one idle worker of a lane. There is at most one note: a thousand enqueues leave one note, which wakes one
-- worker; a worker that finds more than it takes writes the next note.
local function wake(lane)
    local list = lane == 'cpu' and WAKE_CPU or WAKE
    if redis.pcall('LLEN', list) == 0 then
        redis.call('RPUSH', list, 1)
        redis.call('PEXPIRE', list, 60000)
    end
end
