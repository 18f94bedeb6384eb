-- begin: give a run of a move the exclusive right to take jobs from the queue, and pause the queue.
-- KEYS  meta, absent
-- ARGV  1 run   2 target: the queue to which the jobs are moved
-- RETURNS  {ms since which the queue was paused or 0, 1 if an earlier run has not ended or else 0}; {-1, target} if
--          that run moves jobs to another queue, {-2} if the queue is of a later version: then nothing was changed
-- GUARANTEES  until `close` the queue cannot be resumed, so its waiting jobs belong to the run alone, and earlier runs
--             can no longer drop anything. Repeating the call changes nothing.
-- INCLUDES  clock, version
local run, target = ARGV[1], ARGV[2]
local known = redis.call('HMGET', META, 'v', 'paused', 'moving')
if is_newer(known[1]) then
    return {-2}
end
local before = string.match(known[3] or '', '^%S+ (.*)$')
if before and before ~= target then
    return {-1, before}
end
redis.call('DEL', ABSENT)
local since = tonumber(known[2] or 0) or 1
if since == 0 then
    redis.call('HSET', META, 'paused', whole(now_ms()))
end
redis.call('HSET', META, 'moving', run .. ' ' .. target, 'moved', target)
return {since, before and 1 or 0}
