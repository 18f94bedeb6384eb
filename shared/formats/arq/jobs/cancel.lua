-- cancel: request the cancellation of a job.
-- KEYS  QUEUE, RUN, ABORT
-- ARGV  1 id
-- RETURNS  0 there is no such job, 1 it waits and a worker will end it at once, 2 it runs and will be cancelled
-- GUARANTEES  a waiting job is put before all others, so that a worker ends it at once; repeating the call requests it
--             again.
-- INCLUDES  clock, history, lanes, memory, wake
local id = ARGV[1]
if not redis.call('ZSCORE', QUEUE, id) then
    return 0
end
allow_when_full()
if not redis.call('ZSCORE', ABORT, id) then
    add_to_history(id, 'cancel-asked', '')
end
redis.call('ZADD', ABORT, ms(now_ms() + ASKED_MARK), id)
redis.call('PEXPIRE', ABORT, DAY)
if redis.call('EXISTS', RUN .. id) == 1 then
    return 2
end
-- In front of all waiting jobs, as arq's abort() does it.
local lane = lane_of(id)
put_in_queue(id, lane, 1)
wake(lane)
return 1
