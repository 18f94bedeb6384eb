-- counts: the numbers of a queue at this moment.
-- KEYS  meta, live, stats, minutes, seconds, names, known, heard, payloads, queued, queued_cpu, deferred, deferred_cpu,
--       dead
-- ARGV  none
-- RETURNS  {now_ms, queued jobs, deferred jobs, those of them that are due, how many of the queued and due ones are for
--          a cpu lane, jobs alive, dead letters, ms for which the oldest job waits or -1, 1 if the queue is paused or
--          else 0, the counters of the queue, as JSON, then of each of the last whole seconds (5)}
-- GUARANTEES  it changes only where counts are kept: those of this second are first added to the others. Its cost does
--             not grow with the queue's length.
-- INCLUDES  ages, clock, current_counters, steps
local now = now_ms()
settle_for_reading(now)
local queued_cpu, due_cpu = redis.call('ZCARD', QUEUED_CPU), count_due(DEFERRED_CPU, now)
local queued = redis.call('ZCARD', QUEUED) + queued_cpu
local deferred = redis.call('ZCARD', DEFERRED) + redis.call('ZCARD', DEFERRED_CPU)
local due = count_due(DEFERRED, now) + due_cpu
local waited = math.max(waited_ms(QUEUED, DEFERRED, now), waited_ms(QUEUED_CPU, DEFERRED_CPU, now))
local second = math.floor(now / 1000)
local seconds = {}
for _, list in ipairs(read_steps(SECONDS, 11, second - 5, second - 1, '')) do
    for _, counters in ipairs(list) do
        seconds[#seconds + 1] = counters
    end
end
-- One field of the payloads is a pad.
local alive = math.max(0, redis.call('HLEN', PAYLOADS) - 1)
return {now, queued, deferred, due, queued_cpu + due_cpu, alive, redis.call('ZCARD', DEAD), waited,
    redis.call('HEXISTS', META, 'paused'), redis.call('HGET', STATS, ''), unpack(seconds)}
