-- requeue: return leased jobs to the queue, to be run later or now.
-- KEYS  QUEUE, RUN, RETRY, LEASES, CRASH
-- ARGV  1 worker   2 groups: how many groups of runs follow, each of GROUP_FIELDS values (see
--       include/run_groups.lua)   then for each job: id, token, group (counted from 0), lane it waits in next, due_ms
--       (or 0), delay_ms from now where due_ms is 0, tries used ('' leaves them as they are: the run costs the job
--       nothing), words for its history ('' for none), ms since which no worker has known its name ('' if this one
--       knows it)
-- RETURNS  the ids that no longer belonged to the worker; nothing of theirs was changed
-- GUARANTEES  when the call returns, the job is in its queue and any worker can claim it; repeating it changes nothing.
--             A retried job has started, so its payload's own TTL no longer applies: it is kept for a week after the
--             wait.
-- INCLUDES  clock, history, lanes, memory, ownership, reads, run_groups, wake
local worker = ARGV[1]
local STRIDE, FIRST_GROUP = 9, 3
redis.call('ZCARD', QUEUE)
local mine, lost = owned(FIRST_GROUP + ARGV[2] * GROUP_FIELDS, #ARGV, STRIDE, 1, worker)
allow_when_full()
local now = now_ms()
local lanes, runs_of = {}, {}

-- A later crash starts a new note: the worker that ran the job knew it.
local function note_unknown(id, since_ms)
    local crash = string.match(get(CRASH .. id) or '0 ', '^%Z*')
    redis.call('SET', CRASH .. id, crash .. '\0' .. since_ms, 'PX', WEEK)
end

for _, at in ipairs(mine) do
    local id, group, lane, due, tries = ARGV[at], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), ARGV[at + 6]
    if due == 0 then
        due = now + tonumber(ARGV[at + 5])
    end
    put_in_queue(id, lane, ms(due))
    local wait_ms = math.max(due - now, 0)
    if tries ~= '' then
        redis.call('SET', RETRY .. id, tries, 'PX', ttl(wait_ms + WEEK))
        keep_payload(id, wait_ms + WEEK)
    end
    local words, unknown_ms, status = ARGV[at + 7], ARGV[at + 8], ARGV[FIRST_GROUP + group * GROUP_FIELDS + 1]
    if unknown_ms ~= '' then
        note_unknown(id, unknown_ms)
    end
    if words ~= '' and status == 'retried' then
        add_to_history(id, 'retried', tries .. ' ' .. ms(wait_ms) .. ' ' .. words, wait_ms + DAY)
    elseif words ~= '' then
        add_to_history(id, unknown_ms ~= '' and 'unknown' or 'handed-back', words, wait_ms + DAY)
    end
    runs_of[group] = (runs_of[group] or 0) + 1
    redis.call('DEL', RUN .. id)
    redis.pcall('HDEL', LEASES .. worker, id)
    lanes[lane] = true
end
if #mine > 0 then
    count_runs(now, FIRST_GROUP, runs_of)
end
for lane in pairs(lanes) do
    wake(lane)
end
return lost
