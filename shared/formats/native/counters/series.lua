-- series: the counters of a queue, or of its jobs with one name, second by second or minute by minute.
-- KEYS  meta, live, stats, minutes, seconds, names, known, heard
-- ARGV  1 step: 'second' or 'minute'   2 length: how many, including the current one   3 name of the jobs, '' for all
-- RETURNS  {now_ms, number of the oldest step since 1970, then lists which, joined, have the counters of each step, as
--          JSON, oldest first}
-- GUARANTEES  it changes only where counts are kept: those of this second are first added to the others.
-- INCLUDES  clock, current_counters, steps
local length, now = tonumber(ARGV[2]), now_ms()
settle_for_reading(now)
local newest = math.floor(now / (ARGV[1] == 'minute' and 60000 or 1000))
local oldest = newest - length + 1
if ARGV[1] == 'minute' then
    return {now, oldest, unpack(read_steps(MINUTES, 25, oldest, newest, ARGV[3]))}
end
return {now, oldest, unpack(read_steps(SECONDS, 11, oldest, newest, ARGV[3]))}
