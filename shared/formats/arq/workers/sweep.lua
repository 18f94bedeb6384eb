-- sweep: put the jobs of silent workers back where they stood, and forget requests to cancel jobs that no longer exist.
-- KEYS  QUEUE, JOB, RUN, ABORT, WORKERS, LEASES
-- ARGV  none
-- RETURNS  how many jobs that were
-- GUARANTEES  a job that somebody runs is not touched; repeating the call changes nothing. No job needs it to run
--             again: a claim takes what has a lease that is over, but behind all that is due for longer.
-- INCLUDES  clock, counting, memory, reads, recovery

-- What arq's abort() leaves where there is no job must not hit a later one with the same id.
local function forget_requests()
    if not cancels_are_asked() then
        return
    end
    for _, id in ipairs(redis.call('ZRANGE', ABORT, 0, 99)) do
        if redis.call('EXISTS', JOB .. id, RUN .. id) == 0 then
            redis.call('ZREM', ABORT, id)
        end
    end
end

redis.call('ZCARD', QUEUE)
forget_requests()
local now = now_ms()
-- They stay listed for a day, and may be many: a hundred at a time, in turns.
local count_silent = redis.pcall('ZCOUNT', WORKERS, '-inf', ms(now))
local turns = type(count_silent) == 'number' and math.max(1, math.ceil(count_silent / 100)) or 1
local first = 100 * (math.floor(now / 1000) % turns)
local silent = redis.pcall('ZRANGEBYSCORE', WORKERS, '-inf', ms(now), 'LIMIT', first, 100)
if #silent == 0 then
    return 0
end
allow_when_full()
local freed = 0
for _, worker in ipairs(silent) do
    local held = redis.pcall('HGETALL', LEASES .. worker)
    for i = 1, #held, 2 do
        local id, token = held[i], held[i + 1]
        -- What it claimed after its last sign of life may be its own for a while yet.
        if get(RUN .. id) ~= token then
            if recover_job(id, token, 'its lease ran out', now) then
                freed = freed + 1
            end
            redis.call('HDEL', LEASES .. worker, id)
        end
    end
end
redis.pcall('ZREMRANGEBYSCORE', WORKERS, '-inf', ms(now - DAY))
if freed > 0 then
    count(now, 'crashed', freed)
end
return freed
