-- wake: wakes one of the workers that wait for work of a lane queue.
-- KEYS  none
-- DEFINES  wake
-- INCLUDES  none

-- A worker receives the key of the set with work, which names queue and lane. One that no longer listens is skipped.
-- Each claim that finds too little puts its worker into `idle` again, and only workers in there are woken.
local function wake(idle, queued)
    for _ = 1, 3 do
        local worker = redis.pcall('ZPOPMIN', idle)[1]
        if not worker or redis.call('PUBLISH', 'monarq:n:wake:' .. worker, queued) > 0 then
            return
        end
    end
end
