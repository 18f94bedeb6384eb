-- wake: wakes one of the workers that wait for work of a lane queue.
-- KEYS  none
-- DEFINES  wake
-- INCLUDES  none

-- A worker is told the key of what has work, which names queue and lane. One that does not listen any more is passed
-- over. Each claim that finds too little puts its worker into `idle` again, and nobody is woken who is not in there.
local function wake(idle, queued)
    for _ = 1, 3 do
        local worker = redis.pcall('ZPOPMIN', idle)[1]
        if not worker or redis.call('PUBLISH', 'monarq:n:wake:' .. worker, queued) > 0 then
            return
        end
    end
end
