-- overdue: return the workers that have fallen silent.
-- KEYS  beats, records
-- ARGV  none
-- RETURNS  {now_ms, for each of the overdue workers, at most ten: {id, record or nil}}
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock, fleet_overdue
local now = now_ms()
return {now, unpack(overdue_workers(now))}
