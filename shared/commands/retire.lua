-- retire: take a worker that ends in order off the list.
-- ARGV  1 worker
-- RETURNS  how many jobs it still held; then nothing is changed, and `repair` is due
local worker = ARGV[1]
local held = redis.pcall('HLEN', LEASES .. worker)
if type(held) == 'number' and held > 0 then
    return held
end
redis.call('DEL', LEASES .. worker, WORKER .. worker)
redis.pcall('ZREM', WORKERS, worker)
return 0
