-- finish: end jobs for good, with their results.
-- KEYS  QUEUE, JOB, RUN, RETRY, RESULT, ABORT, CPU, ENDED, RECENT, LEASES, CRASH, NO_RESULT, HISTORY, DEAD, DEAD_LETTER
-- ARGV  1 worker   2 max_dead: how many dead letters a queue keeps   3 groups: how many groups of runs follow, each of
--       GROUP_FIELDS values (see include/run_groups.lua)   then for each job: id, token, group (counted from 0),
--       keep_ms (0 keeps the result for ever, -1 not at all), result, letter: what a dead letter says beside the
--       payload ('' leaves none), keep_dead_ms
-- RETURNS  the ids that were not the worker's any more; nothing of theirs was changed
-- GUARANTEES  result, removal and dead letter of a job happen together; repeating the call changes nothing.
-- INCLUDES  clock, memory, ownership, run_groups
local worker, max_dead = ARGV[1], tonumber(ARGV[2])
local STRIDE, FIRST_GROUP = 7, 4
local mine, lost = owned(FIRST_GROUP + ARGV[3] * GROUP_FIELDS, STRIDE, worker)
if #mine == 0 then
    return lost
end
allow_when_full()
local now = now_ms()
local ids, gone, died, runs_of, recent = {}, {}, {}, {}, {}
local longest_ms = 0

local function keep_result(id, keep_ms, result)
    local kept_ms = tonumber(keep_ms)
    if kept_ms > 0 then
        redis.call('SET', RESULT .. id, result, 'PX', ttl(keep_ms))
    elseif kept_ms == 0 then
        redis.call('SET', RESULT .. id, result)
    end
    -- For as long as an enqueue may be repeated, something shows that the job has ended.
    if kept_ms ~= 0 and kept_ms < 60000 then
        redis.call('SET', NO_RESULT .. id, 1, 'PX', 60000)
    end
end

local function leave_dead_letter(id, name, letter, keep_dead_ms, result)
    local known = redis.call('MGET', JOB .. id, RETRY .. id)
    redis.call('DEL', DEAD_LETTER .. id)
    redis.call('HSET', DEAD_LETTER .. id, 'name', name, 'letter', letter, 'payload', known[1] or '',
        'has_payload', known[1] and 1 or 0, 'tries', known[2] or 0, 'died_ms', ms(now),
        'result_end', string.sub(result, -200))
    redis.call('PEXPIRE', DEAD_LETTER .. id, ttl(keep_dead_ms))
    redis.call('PEXPIRE', HISTORY .. id, ttl(keep_dead_ms))
    longest_ms = math.max(longest_ms, tonumber(keep_dead_ms))
    died[#died + 1], died[#died + 2] = ms(now), id
end

-- Lists the new dead letters, and takes the oldest off the list: those over max_dead, which are deleted, and those that
-- have expired. Workers may differ in how long they keep dead letters, so the list lives as long as the longest.
local function list_dead_letters()
    if type(redis.pcall('ZADD', DEAD, unpack(died))) == 'table' then
        return
    end
    redis.call('PEXPIRE', DEAD, ttl(math.max(longest_ms, redis.call('PTTL', DEAD))))
    local surplus = redis.call('ZCARD', DEAD) - max_dead
    for removed = 0, 999 do
        local oldest = redis.call('ZRANGE', DEAD, 0, 0)[1]
        if not oldest or removed >= surplus and redis.call('EXISTS', DEAD_LETTER .. oldest) == 1 then
            return
        end
        redis.call('DEL', DEAD_LETTER .. oldest)
        redis.call('ZREM', DEAD, oldest)
    end
end

-- A few of each call, so that people see what has been done; all that failed are among the dead letters.
local function note_recent(id, group)
    if #recent < 10 then
        local at = FIRST_GROUP + group * GROUP_FIELDS
        local run_ms = ARGV[at + 2] == '' and '' or math.floor(ARGV[at + 6] / ARGV[at + 4])
        local entry = {ms(now), ARGV[at + 1], run_ms, string.sub(ARGV[at], 1, 200), id}
        if ARGV[at + 8] ~= '' then
            entry[6] = ARGV[at + 8]
        end
        recent[#recent + 1] = table.concat(entry, '\0')
    end
end

for _, at in ipairs(mine) do
    local id, group, letter, base = ARGV[at], ARGV[at + 2], ARGV[at + 5], #gone
    keep_result(id, ARGV[at + 3], ARGV[at + 4])
    runs_of[group] = (runs_of[group] or 0) + 1
    note_recent(id, group)
    if letter ~= '' then
        leave_dead_letter(id, ARGV[FIRST_GROUP + group * GROUP_FIELDS], letter, ARGV[at + 6], ARGV[at + 4])
    end
    ids[#ids + 1] = id
    gone[base + 1], gone[base + 2] = RUN .. id, JOB .. id
    gone[base + 3], gone[base + 4] = RETRY .. id, CRASH .. id
end

redis.call('DEL', unpack(gone))
redis.pcall('ZREM', QUEUE, unpack(ids))
redis.pcall('ZREM', CPU, unpack(ids))
redis.pcall('HDEL', LEASES .. worker, unpack(ids))
redis.pcall('ZREM', ABORT, unpack(ids))
if #died > 0 then
    list_dead_letters()
end
count_runs(now, FIRST_GROUP, runs_of)
local listed = redis.pcall('LPUSH', RECENT, unpack(recent))
if type(listed) == 'number' and (listed <= 10 or listed > 600) then
    redis.call('LTRIM', RECENT, 0, 499)
    redis.call('PEXPIRE', RECENT, DAY)
end
redis.call('PUBLISH', ENDED, table.concat(ids, '\0'))
return lost
