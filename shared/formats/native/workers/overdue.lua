-- overdue: name the workers that have fallen silent.
-- KEYS  beats, records
-- ARGV  none
-- RETURNS  {now_ms, for each of the workers that are overdue, ten at most: {id, record or nil}}
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock, fleet_overdue
local now = now_ms()
return {now, unpack(overdue_workers(now))}
