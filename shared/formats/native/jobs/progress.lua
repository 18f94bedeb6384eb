-- progress: report the progress of running jobs.
-- KEYS  held, progress, absent
-- ARGV  1 channel of reports   then for each job: id, token, report (JSON, '' keeps the last one)
-- RETURNS  the ids that are no longer the incarnation's, for which nothing was changed; -1 if it has ended for good
-- GUARANTEES  only the worker that runs a job can report on it. Reports are also published, as id, report, id, report
--             ... joined by NUL.
-- INCLUDES  clock, ownership
local STRIDE = 3
local lost = lost_of(2, #ARGV, STRIDE)
if not lost then
    return -1
end
local is_lost = {}
for _, id in ipairs(lost) do
    is_lost[id] = true
end
-- In microseconds, to tell which of two reports is newer.
local at_us = whole(now_us())
local reports = {}
for at = 2, #ARGV, 3 do
    local id, report = ARGV[at], ARGV[at + 2]
    if report ~= '' and not is_lost[id] then
        reports[#reports + 1], reports[#reports + 2] = id, at_us .. ' ' .. report
    end
end
if #reports > 0 then
    redis.pcall('HSET', PROGRESS, unpack(reports))
    redis.call('PUBLISH', ARGV[1], table.concat(reports, '\0'))
end
return lost
