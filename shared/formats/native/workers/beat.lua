-- beat: keep an incarnation and all its jobs alive.
-- KEYS  held, leases, cancels, absent
-- ARGV  1 incarnation   2 lease_ms
-- RETURNS  {how many jobs it holds, ids of those whose cancellation was requested, other incarnations whose leases have
--          expired}; {-1} if it has ended for good
-- GUARANTEES  costs the same for one job and for 10,000. It renews an existing lease, and creates none.
-- INCLUDES  clock, tidying
if redis.call('HEXISTS', HELD, '\0') == 0 then
    return {-1}
end
local now = now_ms()
redis.call('DEL', ABSENT)
redis.call('ZADD', LEASES, 'XX', whole(now + tonumber(ARGV[2])), ARGV[1])
local cancels = {}
if redis.call('EXISTS', CANCELS) == 1 then
    local ids = redis.call('ZRANGE', CANCELS, 0, 999)
    for i, token in ipairs(redis.call('HMGET', HELD, unpack(ids))) do
        if token then
            cancels[#cancels + 1] = ids[i]
        end
    end
end

tidy(now, 100)
local overdue = redis.call('ZRANGEBYSCORE', LEASES, '-inf', '(' .. whole(now), 'LIMIT', 0, 10)
return {redis.call('HLEN', HELD) - 3, cancels, overdue}
