-- fleet_beat: keep a worker on the list of all workers, and return those that have fallen silent.
-- KEYS  beats, records, queues
-- ARGV  1 worker   2 lease_ms   3 record: the worker's JSON record   then for each queue that it serves: name
-- RETURNS  {now_ms, for each of the overdue workers, at most ten: {id, record or nil}}
-- GUARANTEES  a worker that is silent for a day is forgotten. A worker whose time is far ahead, because the clock was
--             set back, is overdue one lease from now unless it is alive.
-- INCLUDES  clock, fleet_overdue, fleet_queues
local worker, lease_ms, now = ARGV[1], tonumber(ARGV[2]), now_ms()
local DAY, FAR_AHEAD = 86400000, 600000
list_queues(now, 4)

local old = redis.call('ZRANGEBYSCORE', BEATS, '-inf', whole(now - DAY), 'LIMIT', 0, 100)
if #old > 0 then
    redis.call('ZREM', BEATS, unpack(old))
    redis.call('HDEL', RECORDS, unpack(old))
end
for _, ahead in ipairs(redis.call('ZRANGEBYSCORE', BEATS, whole(now + lease_ms + FAR_AHEAD), '+inf', 'LIMIT', 0, 10)) do
    redis.call('ZADD', BEATS, 'XX', whole(now + lease_ms), ahead)
end

redis.call('ZADD', BEATS, whole(now + lease_ms), worker)
redis.call('HSET', RECORDS, worker, ARGV[3])
redis.call('PEXPIRE', BEATS, DAY + lease_ms)
redis.call('PEXPIRE', RECORDS, DAY + lease_ms)
return {now, unpack(overdue_workers(now))}
