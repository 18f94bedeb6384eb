-- series: the counters of a queue, or of its jobs with one name, second by second or minute by minute.
-- KEYS  MINUTE, SECOND
-- ARGV  1 step: 'second' or 'minute'   2 length: how many, including the current one   3 name of the jobs, '' for all
-- RETURNS  {now_ms, number of the oldest step since 1970, then for each step, oldest first: flat counters}
-- GUARANTEES  it changes only where counts are kept: those of this second are first added to the others.
-- INCLUDES  clock, counters, memory
local length, mine = tonumber(ARGV[2]), ARGV[3] == '' and '' or ':' .. ARGV[3]
local now = now_ms()
allow_when_full()
flush_counters(math.floor(now / 1000))
local source, step_ms = SECOND, 1000
if ARGV[1] == 'minute' then
    source, step_ms = MINUTE, 60000
end
local oldest = math.floor(now / step_ms) - length + 1
local reply = {now, oldest}
for step = oldest, oldest + length - 1 do
    reply[#reply + 1] = counters_in(source .. step .. mine)
end
return reply
