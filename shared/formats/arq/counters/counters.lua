-- counters: the counters of a queue and of its jobs' names, added up over the last minutes or since the first job.
-- KEYS  STATS, MINUTE, COUNTED_NAMES, UNKNOWN_NAMES
-- ARGV  1 minutes: how many; 0 for all since the first job   2 newest: the last of them, as its number since 1970; 0
--       for the current one
-- RETURNS  {now_ms, the flat counters of the queue, then for each job name: name, flat counters};
--          names that no worker knows are counted as one, '(unknown)'
-- GUARANTEES  it changes only where counts are kept: those of this second are first added to the others.
-- INCLUDES  clock, counters, memory
local minutes, now = tonumber(ARGV[1]), now_ms()
local newest = tonumber(ARGV[2])
if newest == 0 then
    newest = math.floor(now / 60000)
end
allow_when_full()
flush_counters(math.floor(now / 1000))

local function sum_of(sources)
    local sums, flat = {}, {}
    for _, fields in ipairs(sources) do
        for at = 1, #fields, 2 do
            sums[fields[at]] = (sums[fields[at]] or 0) + fields[at + 1]
        end
    end
    for field, sum in pairs(sums) do
        flat[#flat + 1], flat[#flat + 2] = field, ms(sum)
    end
    return flat
end

local function counters(mine)
    if minutes == 0 then
        return counters_in(STATS .. mine)
    end
    local sources = {}
    for back = 0, minutes - 1 do
        sources[#sources + 1] = counters_in(MINUTE .. newest - back .. mine)
    end
    return sum_of(sources)
end

local reply = {now, counters('')}
local names = redis.call('ZRANGE', COUNTED_NAMES, 0, 199)
names[#names + 1] = OTHER
for _, name in ipairs(names) do
    reply[#reply + 1], reply[#reply + 2] = name, counters(':' .. name)
end
local unknown = {counters(':' .. UNKNOWN)}
for _, name in ipairs(redis.call('ZRANGE', UNKNOWN_NAMES, 0, 49)) do
    unknown[#unknown + 1] = counters(':' .. name)
end
reply[#reply + 1], reply[#reply + 2] = UNKNOWN, sum_of(unknown)
return reply
