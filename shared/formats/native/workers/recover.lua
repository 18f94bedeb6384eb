-- recover: take back all jobs of an incarnation, a few hundred per call.
-- KEYS  held, leases, gone, absent
-- ARGV  1 incarnation   2 worker   3 forced: 1 if the worker is known to be dead, else 0   4 what happened, in a few
--       words   5 lease_ms: of the worker that asks   6 limit: how many jobs at most
-- RETURNS  {how many jobs are free again, 1 if others are left, else 0}; {-1} if its lease has not ended
-- GUARANTEES  from the first call on, the incarnation can neither end nor claim jobs. Its jobs are placed before all
--             waiting jobs, with one more crash each. Any caller can continue the recovery. Later claims of it, and of
--             any other incarnation of a worker known to be dead, take nothing.
-- INCLUDES  clock, crashes, ownership, types
local incarnation, worker, forced = ARGV[1], ARGV[2], ARGV[3] == '1'
local limit = tonumber(ARGV[6])
local now = now_ms()
check_zsets(LEASES, GONE)
check_targets()
redis.call('DEL', ABSENT)
if forced then
    redis.call('ZADD', GONE, now, worker)
end
local ends = tonumber(redis.call('ZSCORE', LEASES, incarnation) or nil)
if not ends then
    return {0, 0}
end
if not forced and ends >= now then
    if ends > now + 600000 then
        -- The clock was set back. The incarnation is alive if it renews its lease.
        redis.call('ZADD', LEASES, whole(now + tonumber(ARGV[5])), incarnation)
    end
    return {-1}
end
redis.call('HDEL', HELD, '\0')
redis.call('ZADD', LEASES, 0, incarnation)
redis.call('ZADD', GONE, now, incarnation)

local jobs, seen, cursor = {}, {}, '0'
repeat
    local page = redis.call('HSCAN', HELD, cursor, 'COUNT', limit)
    cursor = page[1]
    for at = 1, #page[2], 2 do
        local id = page[2][at]
        if string.byte(id) ~= 0 and not seen[id] and #jobs < 1000 then
            seen[id] = true
            jobs[#jobs + 1] = {id, page[2][at + 1], ARGV[4]}
        end
    end
until cursor == '0' or #jobs >= limit

sort_by_claim(jobs)
if #jobs > 0 then
    local ids = {}
    for i, job in ipairs(jobs) do
        ids[i] = job[1]
    end
    redis.call('HDEL', HELD, unpack(ids))
    return_crashed(now, jobs)
end
local newest = redis.call('HEXISTS', HELD, '\0i') + redis.call('HEXISTS', HELD, '\0c')
if redis.call('HLEN', HELD) > newest then
    return {#jobs, 1}
end
redis.call('DEL', HELD)
redis.call('ZREM', LEASES, incarnation)
return {#jobs, 0}
