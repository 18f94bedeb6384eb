-- put: put jobs that a move has taken from another queue into this one, and mark them.
-- KEYS  meta, payloads, barred, queued, queued_cpu, deferred, deferred_cpu, idle, idle_cpu, notes, cancels, trails, ends,
--       progress, live
-- ARGV  1 taken_ms: when the jobs were taken   2 lease_ms: after which the call does nothing   3 kept_ms: how long
--       marks are kept after their source is gone   then for each job: mark, id, payload, lane queue ('io' or 'cpu'),
--       due_ms (or since when it has been queued), is_queued (1 if it is queued whatever that is, else 0), note,
--       cancel_asked_ms, trail, progress ('' for none of each)
-- RETURNS  a code for each job: 1 it is in, 2 it had been put in before, 0 another job with its id waits or runs, 3 one
--          has ended and its result is kept; {-1} if the call comes too late, {-2} if the queue is of a later version,
--          {-3} if its own jobs are being moved to another one: then nothing was changed
-- GUARANTEES  a job is put in with its payload, its place and its mark, or not at all. However often the call is made,
--             a job is put in once while its mark exists, whatever has happened to it since.
-- INCLUDES  clock, counting, lookup, opening, order, trails, types, version, wake
local taken_ms = tonumber(ARGV[1])
local known = redis.call('HMGET', META, 'v', 'second', 'moving')
if is_newer(known[1]) then
    return {-2}
end
if known[3] then
    return {-3}
end
local now = now_ms()
if now > taken_ms + tonumber(ARGV[2]) then
    return {-1}
end
check_zsets(BARRED, QUEUED, QUEUED_CPU, DEFERRED, DEFERRED_CPU, CANCELS, ENDS)
check_hashes(PAYLOADS, NOTES, TRAILS, PROGRESS)
local places = result_keys(now)
local io = {queued = QUEUED, deferred = DEFERRED, idle = IDLE, has_new = false}
local cpu = {queued = QUEUED_CPU, deferred = DEFERRED_CPU, idle = IDLE_CPU, has_new = false}

local function has_result(id)
    for _, key in ipairs(places) do
        if redis.call('HEXISTS', key, id) == 1 and not is_over(key, id, now) then
            return true
        end
    end
    return false
end

-- If no result is kept, only the mark shows that a job was put in and has ended. When its source was gone, the mark got
-- the score of a call barred an hour before it expires; a job taken after that had come back.
local function was_in(mark)
    local barred = tonumber(redis.call('ZSCORE', BARRED, mark) or nil)
    return barred and taken_ms <= barred + 3600000 - tonumber(ARGV[3])
end

-- The code of a job that is not put in.
local function code_of(mark, id, payload)
    if was_in(mark) then
        return 2
    end
    local stored = redis.call('HGET', PAYLOADS, id)
    if stored then
        return stored == payload and 2 or 0
    end
    return has_result(id) and 3 or nil
end

local function place(lane, id, due, is_queued)
    if due > now and not is_queued then
        redis.call('ZADD', lane.deferred, whole(due), id)
        lane.has_new = lane.has_new or redis.call('ZRANGE', lane.deferred, 0, 0)[1] == id
    else
        redis.call('ZADD', lane.queued, whole(LEVEL + stamp_of(due)), id)
        lane.has_new = true
    end
end

local function forget_earlier(id)
    redis.call('HDEL', NOTES, id)
    redis.call('HDEL', PROGRESS, id)
    redis.call('HDEL', TRAILS, id)
    redis.call('ZREM', CANCELS, id)
end

local function put(at)
    local mark, id, payload, lane, due, is_queued = unpack(ARGV, at, at + 5)
    redis.call('ZADD', BARRED, '+inf', mark)
    redis.call('HSET', PAYLOADS, id, payload)
    forget_earlier(id)
    if ARGV[at + 6] ~= '' then
        redis.call('HSET', NOTES, id, ARGV[at + 6])
    end
    if ARGV[at + 7] ~= '' then
        redis.call('ZADD', CANCELS, ARGV[at + 7], id)
    end
    if ARGV[at + 8] ~= '' then
        redis.call('HSET', TRAILS, id, ARGV[at + 8])
        redis.call('ZADD', ENDS, whole(math.max(now, tonumber(due)) + DAY), 't' .. id)
    end
    if ARGV[at + 9] ~= '' then
        redis.call('HSET', PROGRESS, id, ARGV[at + 9])
    end
    place(lane == 'cpu' and cpu or io, id, tonumber(due), is_queued == '1')
end

-- All are checked before any is put in: after the first write nothing may fail.
local codes, fresh = {}, {}
for at = 4, #ARGV, 10 do
    local code = code_of(ARGV[at], ARGV[at + 1], ARGV[at + 2])
    codes[#codes + 1] = code or 1
    if not code then
        fresh[#fresh + 1] = at
    end
end
for _, at in ipairs(fresh) do
    put(at)
end
if #fresh > 0 then
    if not known[1] then
        open_queue()
    end
    for _, lane in ipairs({io, cpu}) do
        if lane.has_new then
            wake(lane.idle, lane.queued)
        end
    end
    settle_counters(now, known[2]) -- DUE
    redis.pcall('HINCRBY', LIVE, 'moved_in\0', #fresh)
end
return codes
