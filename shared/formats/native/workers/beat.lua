-- beat: keep an incarnation and all its jobs alive.
-- KEYS  held, leases, gone, aborts, barred, absent
-- ARGV  1 incarnation   2 lease_ms
-- RETURNS  {how many jobs it holds, ids of those whose abort was requested, incarnations of others whose lease has ended};
--          {-1} where it may never act again
-- GUARANTEES  costs the same for one job and for 10,000. It renews a lease that is there, and makes none.
-- INCLUDES  clock, keeping
if redis.call('HEXISTS', HELD, '\0') == 0 then
    return {-1}
end
local now = now_ms()
redis.call('DEL', ABSENT)
redis.call('ZADD', LEASES, 'XX', whole(now + tonumber(ARGV[2])), ARGV[1])
local aborts = {}
if redis.call('EXISTS', ABORTS) == 1 then
    local ids = redis.call('ZRANGE', ABORTS, 0, 999)
    for i, token in ipairs(redis.call('HMGET', HELD, unpack(ids))) do
        if token then
            aborts[#aborts + 1] = ids[i]
        end
    end
end

local function trim(key, before)
    local old = redis.call('ZRANGEBYSCORE', key, '-inf', whole(before), 'LIMIT', 0, 100)
    if #old > 0 then
        redis.call('ZREM', key, unpack(old))
    end
end

trim(GONE, now - 3600000)
trim(BARRED, now - 3600000)
drop_ended(now, 100)
local overdue = redis.call('ZRANGEBYSCORE', LEASES, '-inf', '(' .. whole(now), 'LIMIT', 0, 10)
return {redis.call('HLEN', HELD) - 3, aborts, overdue}
