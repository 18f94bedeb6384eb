-- retire: end an incarnation that holds nothing.
-- KEYS  held, leases, gone, absent
-- ARGV  1 incarnation
-- RETURNS  how many jobs it holds: then nothing was changed; -1 if it has ended for good
-- GUARANTEES  its later claims take nothing.
-- INCLUDES  clock, types
if redis.call('HEXISTS', HELD, '\0') == 0 then
    return -1
end
local jobs = redis.call('HLEN', HELD) - 3
if jobs > 0 then
    return jobs
end
check_zsets(LEASES, GONE)
redis.call('DEL', HELD)
redis.call('ZREM', LEASES, ARGV[1])
redis.call('ZADD', GONE, now_ms(), ARGV[1])
return 0
