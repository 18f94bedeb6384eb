-- finish: end jobs whose results are kept for an hour.
-- KEYS  results
-- ARGV  1 jobs: how many   2 the ended jobs, for display   3 channel of ends   4 message for it   then the ids, then
-- their
--       tokens, then id and result of each, then field and number of each count
-- RETURNS  {now_ms, how many listeners received the ends}, or {now_ms, -1, ids that are no longer the incarnation's}:
--          then nothing was changed for any; {-1} if the incarnation has ended for good
-- GUARANTEES  result and removal of a job happen together; its last report is kept with the result. A job that is not
--             held under its token is not ended.
-- INCLUDES  clock, ending, ring
local FIRST, n = 5, tonumber(ARGV[1])
local last = FIRST + n - 1
local lost = lost_of_range(FIRST, last)
if not lost then
    return {-1}
end
local now, now_text = now_and_text()
if #lost > 0 then
    return {now, -1, lost}
end
local results_at = last + n + 1
local reports = end_jobs(FIRST, last)
keep_results(now, ARGV, results_at, results_at + 2 * n - 1)
if reports then
    local beside = {}
    for i, report in ipairs(reports) do
        if report then
            beside[#beside + 1], beside[#beside + 2] = '\0' .. ARGV[FIRST + i - 1], report
        end
    end
    if #beside > 0 then
        keep_results(now, beside)
    end
end
release(FIRST, last)
return {now, tell_ends(now, now_text, results_at + 2 * n, ARGV[2], ARGV[3], ARGV[4])}
