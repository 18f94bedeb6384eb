-- deregister: remove a worker that ends in order from the list.
-- KEYS  RUN, WORKERS, WORKER, LEASES
-- ARGV  1 worker
-- RETURNS  how many jobs it still held; then nothing is changed, and `recover` must be called
-- GUARANTEES  a worker that still holds a job stays listed. Jobs that others have claimed meanwhile, or whose leases
--             have expired, do not count; repeating the call changes nothing.
-- INCLUDES  reads
local worker = ARGV[1]
local leases = redis.pcall('HGETALL', LEASES .. worker)
local held = 0
for i = 1, #leases, 2 do
    if get(RUN .. leases[i]) == leases[i + 1] then
        held = held + 1
    end
end
if held > 0 then
    return held
end
redis.call('DEL', LEASES .. worker, WORKER .. worker)
redis.pcall('ZREM', WORKERS, worker)
return 0
