-- finish: end jobs for good, with their results.
-- KEYS  meta, payloads, held, notes, aborts, progress, recent, live
-- ARGV  1 jobs: how many   2 kept: how many of them, the first ones, have results that are kept for an hour   3 unkept: how
--       many of them, the next ones, have none that is kept; the others are kept apart   4 deaths: how many leave a dead
--       letter   5 max_dead   6 keep_dead_ms   7 recent: what ended, packed for people
--       8 channel of ends   9 message for it   then the ids, then their tokens, then id and result of each that is kept,
--       then id, result, keep_ms (0 for ever) of each that is kept apart, then id and letter of each death, then
--       field and number of each count
-- RETURNS  {now_ms, how many heard of the ends}, or {now_ms, -1, ids that are not the incarnation's any more}: then nothing
--          was changed for any; {-1} where the incarnation may never act again
-- GUARANTEES  result, removal and dead letter of a job happen together. What is not held under its token is not ended.
-- INCLUDES  clock, counting, keeping, letters
local n, kept, unkept, deaths = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local FIRST = 10
local last = FIRST + n - 1
local held = redis.call('HMGET', HELD, '\0', unpack(ARGV, FIRST, last))
if not held[1] then
    return {-1}
end
local lost = {}
for i = 1, n do
    if held[i + 1] ~= ARGV[last + i] then
        lost[#lost + 1] = ARGV[FIRST + i - 1]
    end
end
local now = now_ms()
if #lost > 0 then
    return {now, -1, lost}
end
local pairs_at = last + n + 1
local apart_at = pairs_at + 2 * kept
local deaths_at = apart_at + 3 * (n - kept - unkept)
local counts_at = deaths_at + 2 * deaths

-- What must be read before it is deleted.
local function read_deaths()
    local results, died = {}, {ids = {}, letters = {}, results = {}}
    for at = pairs_at, apart_at - 1, 2 do
        results[ARGV[at]] = ARGV[at + 1]
    end
    for at = apart_at, deaths_at - 1, 3 do
        results[ARGV[at]] = ARGV[at + 1]
    end
    for i = 1, deaths do
        local at = deaths_at + 2 * i - 2
        died.ids[i], died.letters[i], died.results[i] = ARGV[at], ARGV[at + 1], results[ARGV[at]] or ''
    end
    died.payloads = redis.call('HMGET', PAYLOADS, unpack(died.ids))
    return died
end

local died = deaths > 0 and read_deaths()
local rare = redis.call('EXISTS', NOTES, ABORTS, PROGRESS)
redis.call('HDEL', PAYLOADS, unpack(ARGV, FIRST, last))
redis.call('HDEL', HELD, unpack(ARGV, FIRST, last))
if kept > 0 then
    keep_results(now, ARGV, pairs_at, apart_at - 1)
end
if unkept > 0 then
    leave_tombstones(now, {unpack(ARGV, FIRST + kept, FIRST + kept + unkept - 1)})
end
for at = apart_at, deaths_at - 1, 3 do
    keep_apart(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), now)
end
if died then
    leave_letters(now, tonumber(ARGV[5]), died.ids, died.letters, died.payloads, tonumber(ARGV[6]), died.results)
end
if rare > 0 then
    redis.call('HDEL', NOTES, unpack(ARGV, FIRST, last))
    redis.call('HDEL', PROGRESS, unpack(ARGV, FIRST, last))
    redis.call('ZREM', ABORTS, unpack(ARGV, FIRST, last))
end
settle_counters(now, redis.call('HGET', META, 'second'))
for at = counts_at, #ARGV, 2 do
    redis.pcall('HINCRBY', LIVE, ARGV[at], ARGV[at + 1])
end
local listed = redis.pcall('LPUSH', RECENT, whole(now) .. ' ' .. ARGV[7])
if type(listed) == 'number' and (listed == 1 or listed > 60) then
    redis.call('LTRIM', RECENT, 0, 49)
    redis.call('PEXPIRE', RECENT, 86400000)
end
return {now, redis.call('PUBLISH', ARGV[8], ARGV[9])}
