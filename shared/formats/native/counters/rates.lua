-- rates: the counters of a queue in the last seconds.
-- KEYS  meta, live, stats, minutes, seconds, names, known, heard
-- ARGV  1 step_s: the length of a step   2 steps: how many, including the current one
-- RETURNS  {now_ms, second at which the oldest step begins, then lists which, joined, have the counters of each second,
--          as JSON, oldest first: of all in the steps and at least of the last (5), but not of the current one}
-- GUARANTEES  it changes only where counts are kept: those of this second are first added to the others.
-- INCLUDES  clock, current_counters, steps
local step_s, now = tonumber(ARGV[1]), now_ms()
settle_for_reading(now)
local newest = math.floor(now / 1000) - 1
local oldest = (math.floor(newest / step_s) - ARGV[2] + 1) * step_s
return {now, oldest, unpack(read_steps(SECONDS, 11, math.min(oldest, newest - 4), newest, ''))}
