-- crash: return leased jobs whose process has died, while their worker is still running, to the queue.
-- KEYS  QUEUE, LEASES
-- ARGV  1 worker   then for each job: id, token, a few words on what happened to the process
-- RETURNS  the ids that no longer belonged to the worker; nothing of theirs was changed
-- GUARANTEES  the jobs are placed before all waiting jobs, with one more crash and no try used; repeating the call
--             changes nothing.
-- INCLUDES  clock, counting, memory, ownership, recovery
local worker = ARGV[1]
local STRIDE = 3
redis.call('ZCARD', QUEUE)
local mine, lost = owned(2, #ARGV, STRIDE, 1, worker)
allow_when_full()
local now = now_ms()
for _, at in ipairs(mine) do
    recover_job(ARGV[at], ARGV[at + 1], ARGV[at + 2], now)
    redis.pcall('HDEL', LEASES .. worker, ARGV[at])
end
if #mine > 0 then
    count(now, 'crashed', #mine)
end
return lost
