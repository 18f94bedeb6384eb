-- finish: end jobs for good, with their results.
-- ARGV  1 worker   2 max_dead: how many dead letters a queue keeps   3 kinds: how many kinds of runs follow, each of
--       KIND values (see the prelude)   then for each job: id, token, kind (counted from 0), keep_ms (0 keeps the
--       result for ever, -1 not at all), result, letter: what a dead letter says beside the payload ('' leaves none),
--       keep_dead_ms
-- RETURNS  the ids that were not the worker's any more; nothing of theirs was changed
-- GUARANTEES  result, removal and dead letter of a job happen together; repeating the call changes nothing.
local worker, max_dead = ARGV[1], tonumber(ARGV[2])
local STRIDE, FIRST_KIND = 7, 4
local mine, lost = owned(FIRST_KIND + ARGV[3] * KIND, STRIDE, worker)
if #mine == 0 then
    return lost
end
even_when_full()
local now = now_ms()
local ids, gone, buried, runs_of, recent = {}, {}, {}, {}, {}
local longest_ms = 0

local function keep_result(id, keep_ms, result)
    local kept_ms = tonumber(keep_ms)
    if kept_ms > 0 then
        redis.call('SET', RESULT .. id, result, 'PX', ttl(keep_ms))
    elseif kept_ms == 0 then
        redis.call('SET', RESULT .. id, result)
    end
    -- For as long as an enqueue may be repeated something tells that the job has ended.
    if kept_ms ~= 0 and kept_ms < 60000 then
        redis.call('SET', NO_RESULT .. id, 1, 'PX', 60000)
    end
end

local function bury(id, name, letter, keep_dead_ms, result)
    local known = redis.call('MGET', JOB .. id, RETRY .. id)
    redis.call('DEL', LETTER .. id)
    redis.call('HSET', LETTER .. id, 'name', name, 'letter', letter, 'payload', known[1] or '',
        'has_payload', known[1] and 1 or 0, 'tries', known[2] or 0, 'died_ms', ms(now),
        'result_end', string.sub(result, -200))
    redis.call('PEXPIRE', LETTER .. id, ttl(keep_dead_ms))
    redis.call('PEXPIRE', TRAIL .. id, ttl(keep_dead_ms))
    longest_ms = math.max(longest_ms, tonumber(keep_dead_ms))
    buried[#buried + 1], buried[#buried + 2] = ms(now), id
end

-- Lists the buried, and takes the oldest off the list: those over max_dead with their letters, and those whose letters'
-- time is over. Workers may differ in how long they keep letters, so the list lives as long as the longest of them.
local function list_buried()
    if type(redis.pcall('ZADD', DEAD, unpack(buried))) == 'table' then
        return
    end
    redis.call('PEXPIRE', DEAD, ttl(math.max(longest_ms, redis.call('PTTL', DEAD))))
    local surplus = redis.call('ZCARD', DEAD) - max_dead
    for removed = 0, 999 do
        local oldest = redis.call('ZRANGE', DEAD, 0, 0)[1]
        if not oldest or removed >= surplus and redis.call('EXISTS', LETTER .. oldest) == 1 then
            return
        end
        redis.call('DEL', LETTER .. oldest)
        redis.call('ZREM', DEAD, oldest)
    end
end

-- A few of each call, so that a person sees what has been done; all that failed stand among the dead letters.
local function note_recent(id, kind)
    if #recent < 10 then
        local at = FIRST_KIND + kind * KIND
        local run_ms = ARGV[at + 2] == '' and '' or math.floor(ARGV[at + 6] / ARGV[at + 4])
        local told = {ms(now), ARGV[at + 1], run_ms, string.sub(ARGV[at], 1, 200), id}
        if ARGV[at + 8] ~= '' then
            told[6] = ARGV[at + 8]
        end
        recent[#recent + 1] = table.concat(told, '\0')
    end
end

for _, at in ipairs(mine) do
    local id, kind, letter, base = ARGV[at], ARGV[at + 2], ARGV[at + 5], #gone
    keep_result(id, ARGV[at + 3], ARGV[at + 4])
    runs_of[kind] = (runs_of[kind] or 0) + 1
    note_recent(id, kind)
    if letter ~= '' then
        bury(id, ARGV[FIRST_KIND + kind * KIND], letter, ARGV[at + 6], ARGV[at + 4])
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
if #buried > 0 then
    list_buried()
end
count_runs(now, FIRST_KIND, runs_of)
local listed = redis.pcall('LPUSH', RECENT, unpack(recent))
if type(listed) == 'number' and (listed <= 10 or listed > 600) then
    redis.call('LTRIM', RECENT, 0, 499)
    redis.call('PEXPIRE', RECENT, DAY)
end
redis.call('PUBLISH', ENDED, table.concat(ids, '\0'))
return lost
