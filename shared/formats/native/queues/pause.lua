-- pause: stop a queue from giving jobs to workers, or resume it.
-- KEYS  meta, queued, queued_cpu, idle, idle_cpu, absent
-- ARGV  1 wanted: 'pause', 'resume', or 'ask' which changes nothing
-- RETURNS  ms since which the queue was paused before the call, 0 if it was not; -1 if it is not resumed because some
--          of its jobs may be half moved
-- GUARANTEES  running jobs continue. Repeating the call changes nothing.
-- INCLUDES  clock, wake_all
local since = tonumber(redis.call('HGET', META, 'paused') or 0) or 1

if ARGV[1] == 'pause' and since == 0 then
    redis.call('DEL', ABSENT)
    redis.call('HSET', META, 'paused', whole(now_ms()))
elseif ARGV[1] == 'resume' then
    if redis.call('HEXISTS', META, 'moving') == 1 then
        return -1
    end
    redis.call('HDEL', META, 'paused')
    wake_all(IDLE, QUEUED)
    wake_all(IDLE_CPU, QUEUED_CPU)
end
return since
