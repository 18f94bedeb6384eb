-- waiting: how long the longest waiting job of each lane has been waiting.
-- KEYS  meta, queued, queued_cpu, deferred, deferred_cpu
-- ARGV  none
-- RETURNS  {ms for the io lane, ms for the cpu lane}; -1 if no job of the lane waits
-- GUARANTEES  it changes nothing; in a paused queue, no job counts as waiting.
-- INCLUDES  ages, clock
if redis.call('HEXISTS', META, 'paused') == 1 then
    return {-1, -1}
end
local now = now_ms()
return {waited_ms(QUEUED, DEFERRED, now), waited_ms(QUEUED_CPU, DEFERRED_CPU, now)}
