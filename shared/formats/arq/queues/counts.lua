-- counts: the numbers of a queue at this moment.
-- KEYS  QUEUE, CPU, STATS, SECOND, WORKERS, LEASES, PAUSED, DEAD
-- ARGV  none
-- RETURNS  {now_ms, members, queued, running, dead, ended in the last whole seconds (5), ms since which the oldest
--          queued job waits or -1, the flat counters, 1 if the queue is paused or else 0}
-- GUARANTEES  it changes only where counts are kept: those of this second are first added to the others. Its cost does
--             not grow with the queue's length.
-- INCLUDES  clock, counters, memory
local now = now_ms()
allow_when_full()
flush_counters(math.floor(now / 1000))
local function due(source)
    return redis.call('ZCOUNT', source, '-inf', ms(now))
end
-- Scores up to 1 are not times: aborts set them.
local function oldest(source)
    local first = redis.call('ZRANGEBYSCORE', source, '(1', ms(now), 'WITHSCORES', 'LIMIT', 0, 1)
    return first[2] and tonumber(first[2]) or nil
end
local running = 0
for _, worker in ipairs(redis.call('ZRANGE', WORKERS, 0, 999)) do
    running = running + redis.call('HLEN', LEASES .. worker)
end
local ended = 0
for back = 1, 5 do
    local key = SECOND .. math.floor(now / 1000) - back
    for _, number in ipairs(redis.call('HMGET', key, 'succeeded', 'failed', 'cancelled')) do
        ended = ended + (tonumber(number) or 0)
    end
end
local first_io, first_cpu = oldest(QUEUE), oldest(CPU)
local first = math.min(first_io or math.huge, first_cpu or math.huge)
local age = first < math.huge and math.floor(now - first) or -1
return {now, redis.call('ZCARD', QUEUE), due(QUEUE) + due(CPU), running, redis.call('ZCARD', DEAD), ended, age,
    counters_in(STATS), redis.call('EXISTS', PAUSED)}
