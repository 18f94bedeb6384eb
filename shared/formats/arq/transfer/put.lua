-- put: put jobs that a move has taken from another queue into this one, and mark them.
-- KEYS  QUEUE, JOB, RUN, RETRY, RESULT, ABORT, CPU, CRASH, HISTORY, PROGRESS, MARKS, MOVING
-- ARGV  1 taken_ms: when the jobs were taken   2 lease_ms: after which the call does nothing   3 kept_ms: how long
--       marks are kept after their source is gone   then for each job: mark, id, payload, lane ('io' or 'cpu'), score,
--       tries (0 for none), crash note, abort request, expires_ms, lines of its history, progress ('' for none of
--       each), is_queued (1 if it is queued whatever its score is, else 0)
-- RETURNS  a code for each job: 1 it is in, 2 it had been put in before, 0 another job with its id waits or runs, 3 one
--          has ended and its result is kept; {-1} if the call comes too late, {-3} if the queue's own jobs are being
--          moved to another one: then nothing was changed
-- GUARANTEES  a job is put in with its place and its mark, or not at all. However often the call is made, a job is put
--             in once while its mark exists, whatever has happened to it since.
-- INCLUDES  clock, counting, lanes, queue_list, wake
redis.call('ZCARD', QUEUE)
redis.call('ZCARD', CPU)
redis.call('ZCARD', MARKS)
local now, taken_ms = now_ms(), tonumber(ARGV[1])
if redis.call('EXISTS', MOVING) == 1 then
    return {-3}
end
if now > taken_ms + tonumber(ARGV[2]) then
    return {-1}
end

-- If no result is kept, only the mark shows that a job was put in and has ended. The mark got an expiry when its source
-- was gone; a job taken after that had come back.
local function was_in(mark)
    local goes = tonumber(redis.call('ZSCORE', MARKS, mark) or nil)
    return goes and taken_ms <= goes - tonumber(ARGV[3])
end

-- The code of a job that is not put in.
local function code_of(mark, id, payload)
    if was_in(mark) then
        return 2
    end
    local stored = redis.call('MGET', JOB .. id, RUN .. id)
    if stored[1] == payload then
        return 2
    end
    if stored[1] or stored[2] or redis.call('EXISTS', JOB .. id, RUN .. id) > 0 then
        return 0
    end
    return redis.call('EXISTS', RESULT .. id) == 1 and 3 or nil
end

local function put(at)
    local mark, id, payload, lane, score = unpack(ARGV, at, at + 4)
    if ARGV[at + 11] == '1' and tonumber(score) > now then
        score = ms(now)
    end
    redis.call('ZADD', MARKS, '+inf', mark)
    redis.call('DEL', RETRY .. id, CRASH .. id, HISTORY .. id, PROGRESS .. id)
    local expires_ms = tonumber(ARGV[at + 8])
    if expires_ms then
        redis.call('SET', JOB .. id, payload, 'PX', ttl(ms(math.max(1, expires_ms - now))))
    else
        redis.call('SET', JOB .. id, payload)
    end
    if ARGV[at + 5] ~= '0' then
        redis.call('SET', RETRY .. id, ARGV[at + 5], 'PX', math.max(0, tonumber(score) - now) + WEEK)
    end
    if ARGV[at + 6] ~= '' then
        redis.call('SET', CRASH .. id, ARGV[at + 6], 'PX', WEEK)
    end
    for line in string.gmatch(ARGV[at + 9], '[^\n]+') do
        redis.call('RPUSH', HISTORY .. id, line)
        redis.call('PEXPIRE', HISTORY .. id, math.max(0, tonumber(score) - now) + DAY)
    end
    if ARGV[at + 10] ~= '' then
        redis.call('SET', PROGRESS .. id, ARGV[at + 10], 'PX', WEEK)
    end
    if ARGV[at + 7] ~= '' then
        redis.pcall('ZADD', ABORT, ARGV[at + 7], id)
    else
        redis.pcall('ZREM', ABORT, id)
    end
    put_in_queue(id, lane, score)
    return lane
end

-- All are checked before any is put in.
local codes, fresh, lanes = {}, {}, {}
for at = 4, #ARGV, 12 do
    local code = code_of(ARGV[at], ARGV[at + 1], ARGV[at + 2])
    codes[#codes + 1] = code or 1
    if not code then
        fresh[#fresh + 1] = at
    end
end
for _, at in ipairs(fresh) do
    lanes[put(at)] = true
end
if #fresh > 0 then
    redis.call('PERSIST', MARKS)
    count(now, 'moved_in', #fresh)
    if QUEUE ~= DEFAULT_QUEUE then
        register_queue(now)
    end
end
for lane in pairs(lanes) do
    wake(lane)
end
return codes
