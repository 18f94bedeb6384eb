-- pause: stop a queue from giving jobs to monarq's workers, or resume it.
-- KEYS  PAUSED, MOVING
-- ARGV  1 wanted: 'pause', 'resume', or 'ask' which changes nothing
-- RETURNS  ms since which the queue was paused before the call, 0 if it was not; -1 if it is not resumed because some
--          of its jobs may be half moved
-- GUARANTEES  running jobs continue; repeating the call changes nothing.
-- INCLUDES  clock, memory, reads, wake
local wanted = ARGV[1]
local since = tonumber(get(PAUSED) or 0) or 1
if wanted == 'pause' and since == 0 then
    allow_when_full()
    redis.call('SET', PAUSED, ms(now_ms()))
elseif wanted == 'resume' then
    if redis.call('EXISTS', MOVING) == 1 then
        return -1
    end
    allow_when_full()
    redis.call('DEL', PAUSED)
    wake('io')
    wake('cpu')
end
return since
