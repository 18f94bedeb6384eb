-- begin: give a run of a move the exclusive right to take jobs from the queue, and pause the queue.
-- KEYS  PAUSED, MOVING, MOVED
-- ARGV  1 run   2 target: the queue to which the jobs are moved
-- RETURNS  {ms since which the queue was paused or 0, 1 if an earlier run has not ended or else 0}; {-1, target} if
--          that run moves jobs to another queue: then nothing was changed
-- GUARANTEES  until `close` the queue cannot be resumed, and earlier runs can no longer take or drop anything.
--             Repeating the call changes nothing.
-- INCLUDES  clock, memory, reads
local run, target = ARGV[1], ARGV[2]
local before = string.match(get(MOVING) or '', '^%S+ (.*)$')
if before and before ~= target then
    return {-1, before}
end
allow_when_full()
local since = tonumber(get(PAUSED) or 0) or 1
if since == 0 then
    redis.call('SET', PAUSED, ms(now_ms()))
end
redis.call('SET', MOVING, run .. ' ' .. target)
redis.call('SET', MOVED, target, 'PX', 30 * DAY)
return {since, before and 1 or 0}
