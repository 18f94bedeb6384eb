-- counters: the counters of a queue and of its jobs' names, since the first job or minute by minute.
-- KEYS  meta, live, stats, minutes, seconds, names, known, heard
-- ARGV  1 minutes: how many; 0 for all since the first job   2 newest: the last of them, as its number since 1970; 0
--       for the current one
-- RETURNS  {now_ms, the names with counters of their own, those that no worker knows, then for each minute, the newest
--          first, or once for all: a list of counters, as JSON, of the queue, of each name, of all others, and of those
--          unknown}; fewer minutes than were asked for, one at least, where many names were counted
-- GUARANTEES  it changes only where counts are kept: those of this second are first added to the others. It blocks
--             Redis for at most about 2 ms.
-- INCLUDES  clock, current_counters
local MOST_FIELDS = 1300
local minutes, newest, now = tonumber(ARGV[1]), tonumber(ARGV[2]), now_ms()
if newest == 0 then
    newest = math.floor(now / 60000)
end
settle_for_reading(now)

-- Names that were not counted since the oldest minute are skipped.
local since_ms = minutes == 0 and '-inf' or whole((newest - minutes + 1) * 60000)
local names = redis.call('ZRANGEBYSCORE', NAMES, since_ms, '+inf', 'LIMIT', 0, 200)
local unknown = redis.call('ZRANGE', HEARD, 0, 49)
local counted = {''}
for _, name in ipairs(names) do
    counted[#counted + 1] = name
end
counted[#counted + 1] = '(other)'
counted[#counted + 1] = '(unknown)'
for _, name in ipairs(unknown) do
    counted[#counted + 1] = name
end

local function counters_of(minute)
    local fields = {}
    for at, name in ipairs(counted) do
        fields[at] = whole(minute) .. ' ' .. name
    end
    return redis.call('HMGET', KEYS[MINUTES + math.floor(minute / 60) % 25], unpack(fields))
end

local reply = {now, names, unknown}
if minutes == 0 then
    reply[4] = redis.call('HMGET', STATS, unpack(counted))
end
for back = 1, math.min(minutes, math.max(1, math.floor(MOST_FIELDS / #counted))) do
    reply[#reply + 1] = counters_of(newest - back + 1)
end
return reply
