-- renew: keep a worker and all its leases alive.
-- KEYS  QUEUE, RUN, CPU, WORKERS, WORKER, LEASES
-- ARGV  1 worker   2 lease_ms   3 record: the worker's JSON record, '' to leave it
--       then for each job: id, token, lane that it was claimed from ('io' or 'cpu')
-- RETURNS  the ids that no longer belonged to the worker; nothing of theirs was changed
-- GUARANTEES  an expired lease is not renewed, as somebody else may have run and ended the job meanwhile.
-- INCLUDES  clock, memory, ownership, queue_list
local worker, lease_ms, record = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local STRIDE = 3
local mine, lost = owned(4, #ARGV, STRIDE, 1, worker)
allow_when_full()
local now = now_ms()
local score = ms(now + lease_ms) .. LEASED_DIGITS
local io, cpu, parked = {'XX'}, {'XX'}, {'XX'}
for _, at in ipairs(mine) do
    local id = ARGV[at]
    redis.call('PEXPIRE', RUN .. id, ARGV[2])
    -- If it were gone while the job runs, an arq client could enqueue another job with this id, which would be deleted
    -- with this one.
    keep_payload(id, WEEK)
    local set = ARGV[at + 2] == 'cpu' and cpu or io
    set[#set + 1], set[#set + 2] = score, id
    if set == cpu then
        parked[#parked + 1], parked[#parked + 2] = PARKED, id
    end
end
-- arq's abort() may have set a job's score in QUEUE to 1: it is corrected here.
if #io > 1 then
    redis.pcall('ZADD', QUEUE, unpack(io))
end
if #cpu > 1 then
    redis.pcall('ZADD', CPU, unpack(cpu))
    redis.pcall('ZADD', QUEUE, unpack(parked))
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
