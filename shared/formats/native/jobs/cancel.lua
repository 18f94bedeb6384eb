-- cancel: end a waiting job, or request that a running one be stopped.
-- KEYS  meta, queued, queued_cpu, deferred, deferred_cpu, payloads, notes, progress, cancels, kept, ends,
--       leases, recent, live, absent
-- ARGV  1 id   2 name of the job, to count it by   3 result with which it ends if it waits   4 keep_ms of the result:
--       0 for ever, -1 not at all   5 recent: its entry among ended jobs, for display   6 channel of ends
-- RETURNS  0 there is no such job, 1 it waits and is being moved to another queue, where the request follows it, 2 it
--          is running and its worker will stop it, 3 it waited and has ended
-- GUARANTEES  a waiting job ends completely and at once; the request for a running one stays until it ends. Repeating
--             the call requests it again.
-- INCLUDES  clock, keeping, trails, types
local id = ARGV[1]
check_zsets(CANCELS, ENDS)
check_hashes(PAYLOADS, NOTES, PROGRESS, KEPT)
redis.call('DEL', ABSENT)
local now = now_ms()

local function each_place(command)
    for _, key in ipairs({QUEUED, QUEUED_CPU, DEFERRED, DEFERRED_CPU}) do
        local found = redis.call(command, key, id)
        if found and found ~= 0 then
            return true
        end
    end
    return false
end

-- Listed with the jobs that workers have ended: see finish.
local function list_it()
    if type(redis.pcall('LPUSH', RECENT, whole(now) .. ' ' .. ARGV[5])) == 'number' then
        redis.call('LTRIM', RECENT, 0, 59)
        redis.call('PEXPIRE', RECENT, DAY)
    end
end

local function end_it()
    local report = redis.call('HGET', PROGRESS, id)
    redis.call('HDEL', PAYLOADS, id)
    redis.call('HDEL', NOTES, id)
    redis.call('HDEL', PROGRESS, id)
    redis.call('ZREM', CANCELS, id)
    keep_result(id, ARGV[3], tonumber(ARGV[4]), now, report)
    add_to_trail(id, 'cancel-asked', '', DAY, now)
    redis.pcall('HINCRBY', LIVE, 'cancelled::\0' .. ARGV[2], 1)
    list_it()
    redis.call('PUBLISH', ARGV[6], 'i' .. id)
end

-- It is unknown which worker runs it, so all are notified; one that misses this learns of it with its next beat.
local function ask_workers()
    if not redis.call('ZSCORE', CANCELS, id) then
        add_to_trail(id, 'cancel-asked', '', DAY, now)
    end
    redis.call('ZADD', CANCELS, whole(now), id)
    for _, incarnation in ipairs(redis.call('ZRANGE', LEASES, 0, 999)) do
        redis.call('PUBLISH', 'monarq:n:wake:' .. string.match(incarnation, '^(.*)%.'), 'cancels')
    end
end

-- A copy may already be in the other queue: a run of the move sees the request before it drops this one.
if redis.call('HEXISTS', META, 'moving') == 1 and each_place('ZSCORE') then
    ask_workers()
    return 1
end
if each_place('ZREM') then
    end_it()
    return 3
end
if redis.call('HEXISTS', PAYLOADS, id) == 0 then
    return 0
end
ask_workers()
return 2
