-- sweep: return the jobs of silent workers to their places, and delete requests to cancel jobs that no longer exist.
-- KEYS  QUEUE, JOB, RUN, ABORT, WORKERS, LEASES
-- ARGV  none
-- RETURNS  how many jobs were returned
-- GUARANTEES  a job that somebody runs is not touched; repeating the call changes nothing. Jobs would run again without
--             it: claims also take jobs with expired leases, but after all that have been due for longer.
-- INCLUDES  clock, counting, memory, reads, recovery

-- A request that arq's abort() left without a job must not hit a later job with the same id.
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
-- They stay listed for a day and may be many, so a hundred at a time, in turn.
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
        -- Jobs claimed after its last sign of life may still belong to it for a while.
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
