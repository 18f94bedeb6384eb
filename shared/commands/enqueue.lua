-- enqueue: put jobs of one kind in, each once.
-- ARGV  1 mode: 'new' ids made for this call, 'named' ids that a user chose, 'again' this call is repeated because
--         nobody knows what became of the one before
--       2 lane: 'io' or 'cpu'   3 due_ms, or 0   4 delay_ms from now, where due_ms is 0
--       5 ttl_ms of the payload, or 0 for none   6 tick_ms: how long a cron tick's id is barred, or 0
--       then for each job: id, payload
-- RETURNS  a code for each job: 1 it is in, 0 a job or result of this id was there, 2 (only 'again') the job has
--          ended and left nothing to tell whether it was this one
-- GUARANTEES  a job that is in has its payload and its place in the queue; repeating the call makes no second job.
local mode, lane = ARGV[1], ARGV[2]
local due, ttl_ms, tick_ms = tonumber(ARGV[3]), ARGV[5], ARGV[6]
local expires, is_tick = tonumber(ttl_ms) > 0, tonumber(tick_ms) > 0
-- A payload without its place would count as a job that is in: let a wrong type show before anything is written.
redis.call('ZCARD', QUEUE)
if lane == 'cpu' then
    redis.call('ZCARD', CPU)
end
local now = now_ms()
local any_abort = aborts_are_asked()
if due == 0 then
    due = now + tonumber(ARGV[4])
end

local function set_new(id, payload)
    if expires then
        return redis.call('SET', JOB .. id, payload, 'NX', 'PX', ttl(ttl_ms))
    end
    return redis.call('SET', JOB .. id, payload, 'NX')
end

local function put(id, payload)
    if is_tick and not redis.call('SET', TICK .. id, 1, 'NX', 'PX', ttl(tick_ms)) then
        return 0
    end
    if mode ~= 'new' then
        if redis.call('MGET', JOB .. id)[1] == payload then
            return mode == 'again' and 1 or 0
        end
        local ended = redis.call('EXISTS', RESULT .. id)
        if mode == 'again' and ended + redis.call('EXISTS', NO_RESULT .. id) > 0 then
            return 2
        end
        if ended == 1 then
            return 0
        end
    end
    if not set_new(id, payload) then
        return 0
    end
    if any_abort and mode ~= 'new' then
        redis.call('ZREM', ABORT, id)
    end
    return 3
end

local codes, scored, added = {}, {}, 0
for at = 7, #ARGV, 2 do
    local code = put(ARGV[at], ARGV[at + 1])
    if code == 3 then
        scored[#scored + 1] = lane == 'cpu' and PARKED or ms(due)
        scored[#scored + 1] = ARGV[at]
        added = added + 1
        code = 1
    end
    codes[#codes + 1] = code
end
if added > 0 then
    redis.call('ZADD', QUEUE, unpack(scored))
    if lane == 'cpu' then
        for i = 1, #scored, 2 do
            scored[i] = ms(due)
        end
        redis.call('ZADD', CPU, unpack(scored))
    end
    count('enqueued', added)
    wake(lane)
end
return codes
