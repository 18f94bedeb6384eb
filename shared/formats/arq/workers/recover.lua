-- recover: return the jobs of a dead worker to the queue at once.
-- KEYS  QUEUE, WORKERS, WORKER, LEASES, REVOKED
-- ARGV  1 worker   2 what happened to it, in a few words
-- RETURNS  the ids that are free again
-- GUARANTEES  the jobs return to where they were claimed, before all waiting jobs; one that another worker has claimed
--             meanwhile is not touched; a late claim of the worker takes nothing; repeating the call changes nothing.
-- INCLUDES  clock, counting, memory, recovery
local worker, what = ARGV[1], ARGV[2]
redis.call('ZCARD', QUEUE)
local held = redis.pcall('HGETALL', LEASES .. worker)
allow_when_full()
local now = now_ms()
local freed = {}
for i = 1, #held, 2 do
    if recover_job(held[i], held[i + 1], what, now) then
        freed[#freed + 1] = held[i]
    end
end
redis.call('SET', REVOKED .. worker, 1, 'PX', HOUR)
redis.call('DEL', LEASES .. worker, WORKER .. worker)
redis.pcall('ZREM', WORKERS, worker)
if #freed > 0 then
    count(now, 'crashed', #freed)
end
return freed
