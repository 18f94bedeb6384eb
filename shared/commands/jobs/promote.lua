-- promote: make a deferred job due now.
-- ARGV  1 id
-- RETURNS  0 there is no such job in the queue, 1 it is due now, 2 it runs, 3 it was due already
-- GUARANTEES  repeating the call changes nothing.
local id = ARGV[1]
local score = redis.call('ZSCORE', QUEUE, id)
if not score then
    return 0
end
if redis.call('EXISTS', RUN .. id) == 1 then
    return 2
end
local now, lane = now_ms(), lane_of(id)
if lane == 'cpu' and tonumber(score) >= PARKED then
    score = redis.call('ZSCORE', CPU, id)
end
if tonumber(score) <= now then
    return 3
end
even_when_full()
place(id, lane, ms(now))
tell(id, 'promoted', '')
wake(lane)
return 1
