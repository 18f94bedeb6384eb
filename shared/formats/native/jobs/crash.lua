-- crash: return jobs whose process has died, while their worker is still running.
-- KEYS  held, absent
-- ARGV  for each job: id, token, what happened to the process, in a few words
-- RETURNS  {now_ms}, or {now_ms, ids that are no longer the incarnation's}: then nothing was changed for any; {-1} if
--          the incarnation has ended for good
-- GUARANTEES  the jobs are placed before all waiting jobs, with one more crash.
-- INCLUDES  clock, crashes, ownership
local STRIDE = 3
local lost = lost_of(1, #ARGV, STRIDE)
if not lost then
    return {-1}
end
local now = now_ms()
if #lost > 0 then
    return {now, lost}
end
check_targets()
redis.call('DEL', ABSENT)
local jobs, ids = {}, {}
for at = 1, #ARGV, STRIDE do
    jobs[#jobs + 1] = {ARGV[at], ARGV[at + 1], ARGV[at + 2]}
    ids[#ids + 1] = ARGV[at]
end
redis.call('HDEL', HELD, unpack(ids))
return_crashed(now, jobs)
return {now}
