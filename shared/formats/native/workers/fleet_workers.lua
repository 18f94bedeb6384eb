-- fleet_workers: all workers, live ones before silent ones.
-- KEYS  beats, records
-- ARGV  none
-- RETURNS  {now_ms, {id, ms at which it becomes or became stale, of each worker}, {record of each, or nil}}; at most
--          1,000 workers
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock
local workers, ids = redis.call('ZREVRANGE', BEATS, 0, 999, 'WITHSCORES'), {}
for at = 1, #workers, 2 do
    ids[#ids + 1] = workers[at]
end
return {now_ms(), workers, #ids > 0 and redis.call('HMGET', RECORDS, unpack(ids)) or {}}
