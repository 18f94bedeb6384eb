-- enqueue: enqueue jobs with one name, each once.
-- KEYS  QUEUE, JOB, RUN, RETRY, RESULT, ABORT, CPU, CRASH, NO_RESULT, TICK, HISTORY
-- ARGV  1 mode: 'new' ids made for this call, 'named' ids chosen by a user, 'repeated' a repeated call, the first of
--         which may have been executed
--       2 lane: 'io' or 'cpu'   3 due_ms, or 0   4 delay_ms from now, where due_ms is 0
--       5 ttl_ms of the payload, or 0 for none   6 tick_ms: how long a cron tick's id is barred, or 0
--       7 name of the job, to count it by   8 whether the score shows that the job may expire: 1 or 0
--       then for each job: id, payload
-- RETURNS  {} if all jobs were enqueued; else a code for each: 1 it was, 0 a job or result with this id existed, 2
--          (only 'repeated') a job with this id runs or has ended, and nothing shows whether it was this one
-- GUARANTEES  an enqueued job has its payload and its place in the queue; repeating the call does not create a second
--             job.
-- INCLUDES  clock, counting, members, queue_list, reads, wake
local lane, due = ARGV[2], ARGV[3]
local FIRST_JOB = 9
-- A payload without a place would count as an enqueued job, so a wrong type must fail before anything is written.
redis.call('ZCARD', QUEUE)
if lane == 'cpu' then
    redis.call('ZCARD', CPU)
end
local now, now_text = now_and_text()
if due == '0' then
    due = ARGV[4] == '0' and now_text or ms(now + ARGV[4])
end
if ARGV[8] == '1' then
    -- Just before its due time, as times are whole ms, so that it is due on time.
    due = string.format('%.2f', math.floor(tonumber(due)) - 1 + EXPIRES_MARK)
end

-- Whether any job of this call has ended before. The network may delay a call with new ids until after its repetition:
-- their jobs would be enqueued twice.
local function any_has_ended()
    local names = {}
    for at = FIRST_JOB, #ARGV, 2 do
        local base = #names
        names[base + 1], names[base + 2] = RESULT .. ARGV[at], NO_RESULT .. ARGV[at]
    end
    return #names > 0 and redis.call('EXISTS', unpack(names)) > 0
end

-- Stores all payloads at once; returns false, and changes nothing, if one exists.
local function put_all()
    local payloads = {}
    for at = FIRST_JOB, #ARGV, 2 do
        local base = #payloads
        payloads[base + 1], payloads[base + 2] = JOB .. ARGV[at], ARGV[at + 1]
    end
    return #payloads > 0 and redis.call('MSETNX', unpack(payloads)) == 1
end

-- Stores the jobs' payloads one by one; returns their codes, and the ids of those that still need their place.
local function put_each()
    local mode, ttl_ms, tick_ms = ARGV[1], ARGV[5], ARGV[6]
    local expires, is_tick = ttl_ms ~= '0', tick_ms ~= '0'
    local any_asked = mode ~= 'new' and cancels_are_asked()

    local function set_new(id, payload)
        if expires then
            return redis.call('SET', JOB .. id, payload, 'NX', 'PX', ttl(ttl_ms))
        end
        return redis.call('SET', JOB .. id, payload, 'NX')
    end

    -- The code of a job whose id is not free, or nil. It is also not free while a job with this id runs after its
    -- payload has expired: the end of that run would delete the new job.
    local function code_of_taken(id, payload)
        local stored = redis.call('MGET', JOB .. id, RUN .. id)
        local unkept = mode == 'named' and 0 or redis.call('EXISTS', NO_RESULT .. id)
        local has_ended = unkept + redis.call('EXISTS', RESULT .. id) > 0
        if mode ~= 'repeated' then
            return (stored[1] or stored[2] or has_ended) and 0 or nil
        end
        if stored[1] == payload then
            return 1
        end
        return has_ended and 2 or stored[1] and 0 or stored[2] and 2 or nil
    end

    local is_doubtful = mode ~= 'new' or any_has_ended()

    -- Returns a code, and whether the job still needs its place.
    local function put(id, payload)
        if is_tick and not redis.call('SET', TICK .. id, 1, 'NX', 'PX', ttl(tick_ms)) then
            return 0, false
        end
        local code = is_doubtful and code_of_taken(id, payload) or nil
        if code or not set_new(id, payload) then
            return code or 0, false
        end
        if mode ~= 'new' then
            -- Left by an earlier job with this id, which has expired.
            redis.call('DEL', RETRY .. id, CRASH .. id, HISTORY .. id)
            if lane ~= 'cpu' then
                redis.pcall('ZREM', CPU, id)
            end
        end
        if any_asked then
            redis.call('ZREM', ABORT, id)
        end
        return 1, true
    end

    local codes, ids = {}, {}
    for at = FIRST_JOB, #ARGV, 2 do
        local code, is_new = put(ARGV[at], ARGV[at + 1])
        codes[#codes + 1] = code
        if is_new then
            ids[#ids + 1] = ARGV[at]
        end
    end
    return codes, ids
end

local is_plain = ARGV[1] == 'new' and ARGV[5] == '0' and ARGV[6] == '0' and not any_has_ended() and put_all()
local codes, ids = {}, {}
if is_plain then
    for at = FIRST_JOB, #ARGV, 2 do
        ids[#ids + 1] = ARGV[at]
    end
else
    codes, ids = put_each()
end
if #ids > 0 then
    local scored = {}
    for i = 1, #ids do
        scored[2 * i - 1], scored[2 * i] = due, ids[i]
    end
    if lane == 'cpu' then
        add_members(CPU, scored)
        local parked = ms(PARKED)
        for i = 1, #ids do
            scored[2 * i - 1] = parked
        end
    end
    add_members(QUEUE, scored)
    -- arq's own queue is always listed.
    if add_counts(now, ARGV[7], {enqueued = #ids}) and QUEUE ~= DEFAULT_QUEUE then
        register_queue(now)
    end
    wake(lane)
end
return codes
