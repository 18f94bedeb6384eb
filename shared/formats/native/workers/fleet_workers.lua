-- fleet_workers: all workers, those that live before those that have fallen silent.
-- KEYS  beats, records
-- ARGV  none
-- RETURNS  {now_ms, {id, ms at which it goes or went stale, of each worker}, {record of each, or nil}}; 1,000 workers at
--          most
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock
local workers, ids = redis.call('ZREVRANGE', BEATS, 0, 999, 'WITHSCORES'), {}
for at = 1, #workers, 2 do
    ids[#ids + 1] = workers[at]
end
return {now_ms(), workers, #ids > 0 and redis.call('HMGET', RECORDS, unpack(ids)) or {}}
