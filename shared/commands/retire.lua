-- retire: take a worker that ends in order off the list.
-- ARGV  1 worker
-- RETURNS  how many jobs it still held; then nothing is changed, and `repair` is due
local worker = ARGV[1]
local held = redis.call('HLEN', LEASES .. worker)
if held == 0 then
    redis.call('DEL', LEASES .. worker, WORKER .. worker)
    redis.call('ZREM', WORKERS, worker)
end
return held
