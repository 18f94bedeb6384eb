-- promote: make a deferred job due now.
-- KEYS  QUEUE, RUN, CPU
-- ARGV  1 id
-- RETURNS  0 there is no such job in the queue, 1 it is due now, 2 it runs, 3 it was due already
-- GUARANTEES  repeating the call changes nothing.
-- INCLUDES  clock, history, lanes, memory, wake
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
allow_when_full()
put_in_queue(id, lane, ms(now))
add_to_history(id, 'promoted', '')
wake(lane)
return 1
