-- renew: keep a worker and all its leases alive.
-- KEYS  QUEUE, RUN, CPU, WORKERS, WORKER, LEASES
-- ARGV  1 worker   2 lease_ms   3 record: the worker's JSON record, '' when it holds none here
--       then for each job: id, token, lane that it was claimed from ('io' or 'cpu')
-- RETURNS  the ids that were not the worker's any more; nothing of theirs was changed
-- GUARANTEES  a lease that has run out is not taken up again, as somebody else may have run and ended the job
--             meanwhile.
-- INCLUDES  clock, memory, ownership, queue_list
local worker, lease_ms, record = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local STRIDE = 3
local mine, lost = owned(4, STRIDE, worker)
allow_when_full()
local now = now_ms()
local lease_end = ms(now + lease_ms + LEASED_MARK)
for _, at in ipairs(mine) do
    local id = ARGV[at]
    redis.call('PEXPIRE', RUN .. id, lease_ms)
    -- Were it gone while the job runs, an arq client could enqueue another job of this id, which would go with this
    -- one.
    keep_payload(id, WEEK)
    -- arq's abort() may have set the job's score in QUEUE to 1: it is put right here.
    if ARGV[at + 2] == 'cpu' then
        redis.pcall('ZADD', CPU, 'XX', lease_end, id)
        redis.pcall('ZADD', QUEUE, 'XX', PARKED, id)
    else
        redis.pcall('ZADD', QUEUE, 'XX', lease_end, id)
    end
end
if #mine > 0 then
    redis.call('PEXPIRE', LEASES .. worker, 40 * lease_ms)
end
if record ~= '' then
    redis.call('SET', WORKER .. worker, record, 'PX', 4 * lease_ms)
    redis.pcall('ZADD', WORKERS, ms(now + lease_ms), worker)
    redis.call('PEXPIRE', WORKERS, DAY)
    register_queue(now, true)
end
return lost
