-- finish: end jobs, with their results.
-- KEYS  QUEUE, JOB, RUN, RETRY, RESULT, ABORT, CPU, ENDED, RECENT, LEASES, CRASH, NO_RESULT
-- ARGV  1 worker   2 max_dead: how many dead letters a queue keeps   3 groups: how many groups of runs follow, each of
--       GROUP_FIELDS values (see include/run_groups.lua)   4 jobs: how many   5 keep_ms of all results (0 keeps them for
--       ever, -1 not at all), or '' if they differ   then the groups; the ids of the jobs, group by group in the order
--       of these; their tokens; their results; where they differ, the keep_ms of each; and for each dead letter: place of
--       its job (from 1), name, letter: what it says beside the payload, keep_dead_ms
-- RETURNS  the ids that no longer belonged to the worker; nothing of theirs was changed
-- GUARANTEES  result, removal and dead letter of a job happen together; repeating the call changes nothing.
-- INCLUDES  clock, dead_letters, memory, ownership, run_groups
local worker, groups, jobs, keep_all = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[4]), ARGV[5]
local FIRST_GROUP = 6
local first_id = FIRST_GROUP + groups * GROUP_FIELDS
local first_result = first_id + 2 * jobs
local first_keep = first_result + jobs
local first_letter = keep_all == '' and first_keep + jobs or first_keep
local mine, lost, gone = owned(first_id, first_id + jobs - 1, 1, jobs, worker)
if #mine == 0 then
    return lost
end
allow_when_full()
local now, now_text = now_and_text()
local ids = {}
for i = 1, #mine do
    ids[i] = ARGV[mine[i]]
end

local keep_ms = keep_all ~= '' and tonumber(keep_all)
local keep_text = keep_ms and ttl(keep_all)
for i = 1, #mine do
    local id, place = ids[i], mine[i] - first_id
    if keep_all == '' then
        keep_text = ttl(ARGV[first_keep + place])
        keep_ms = tonumber(keep_text)
    end
    if keep_ms > 0 then
        redis.call('SET', RESULT .. id, ARGV[first_result + place], 'PX', keep_text)
    elseif keep_ms == 0 then
        redis.call('SET', RESULT .. id, ARGV[first_result + place])
    end
    -- As long as an enqueue may be repeated, something must show that the job has ended.
    if keep_ms ~= 0 and keep_ms < 60000 then
        redis.call('SET', NO_RESULT .. id, 1, 'PX', 60000)
    end
end
if first_letter <= #ARGV then
    leave_letters(now, tonumber(ARGV[2]), first_letter, mine, first_id, first_result)
end

if #lost > 0 then
    gone = {}
    for i = 1, #ids do
        gone[i] = RUN .. ids[i]
    end
end
local base = #gone
for i = 1, #ids do
    local id = ids[i]
    gone[base + 1], gone[base + 2], gone[base + 3] = JOB .. id, RETRY .. id, CRASH .. id
    base = base + 3
end
redis.call('DEL', unpack(gone))
redis.pcall('ZREM', QUEUE, unpack(ids))
redis.pcall('HDEL', LEASES .. worker, unpack(ids))
if redis.call('EXISTS', CPU, ABORT) > 0 then
    redis.pcall('ZREM', CPU, unpack(ids))
    redis.pcall('ZREM', ABORT, unpack(ids))
end

-- How many of each group were the worker's; and a few jobs of each call, for display: all that failed are among the
-- dead letters.
local runs_of, recent, counted, last = {}, {}, 0, first_id - 1
for group = 0, groups - 1 do
    local at, before = FIRST_GROUP + group * GROUP_FIELDS, counted
    last = last + ARGV[at + 4]
    while counted < #mine and mine[counted + 1] <= last do
        counted = counted + 1
        if counted <= 10 then
            local run_ms = ARGV[at + 2] == '' and '' or math.floor(ARGV[at + 6] / ARGV[at + 4])
            local lane = ARGV[at + 8] == '' and '' or '\0' .. ARGV[at + 8]
            local entry = {now_text, ARGV[at + 1], run_ms, string.sub(ARGV[at], 1, 200), ids[counted] .. lane}
            recent[counted] = table.concat(entry, '\0')
        end
    end
    if counted > before then
        runs_of[group] = counted - before
    end
end
count_runs(now, FIRST_GROUP, runs_of)
local listed = redis.pcall('LPUSH', RECENT, unpack(recent))
if type(listed) == 'number' and (listed <= 10 or listed > 600) then
    redis.call('LTRIM', RECENT, '0', '499')
    redis.call('PEXPIRE', RECENT, DAY)
end
redis.call('PUBLISH', ENDED, table.concat(ids, '\0'))
return lost
