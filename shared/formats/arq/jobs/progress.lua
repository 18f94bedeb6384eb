-- progress: report the progress of running jobs.
-- KEYS  PROGRESS, REPORTS
-- ARGV  1 worker   2 keep_ms: how long a report is kept unless it is made again   then for each job: id, token, report
--       (JSON, '' keeps the one that is there)
-- RETURNS  the ids that no longer belonged to the worker; nothing of theirs was changed
-- GUARANTEES  only the worker that runs a job can report on it; reports are also published on REPORTS, as id, report,
--             id, report ...
-- INCLUDES  clock, memory, ownership
local worker, keep_ms = ARGV[1], ARGV[2]
local STRIDE = 3
local mine, lost = owned(3, #ARGV, STRIDE, 1, worker)
if #mine == 0 then
    return lost
end
allow_when_full()
-- In microseconds, to tell which of two reports is newer.
local at_us = ms(now_us())
local reports = {}
for _, at in ipairs(mine) do
    local id, report = ARGV[at], ARGV[at + 2]
    if report == '' then
        redis.call('PEXPIRE', PROGRESS .. id, ttl(keep_ms))
    else
        local value = at_us .. ' ' .. report
        redis.call('SET', PROGRESS .. id, value, 'PX', ttl(keep_ms))
        reports[#reports + 1], reports[#reports + 2] = id, value
    end
end
if #reports > 0 then
    redis.call('PUBLISH', REPORTS, table.concat(reports, '\0'))
end
return lost
