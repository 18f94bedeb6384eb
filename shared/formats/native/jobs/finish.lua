-- finish: end jobs for good, with their results.
-- KEYS  meta, payloads, held, notes, aborts, progress, recent, live
-- ARGV  1 jobs: how many   2 kept: how many of them, the first ones, have results that are kept for an hour   3 unkept: how
--       many of them, the next ones, have none that is kept; the others are kept apart   4 deaths: how many leave a dead
--       letter   5 max_dead   6 recent: what ended, packed for people   7 channel of ends
--       8 message for it   then the ids, then their tokens, then id and result of each that is kept,
--       then id, result, keep_ms (0 for ever) of each that is kept apart, then id, letter, keep_ms of each death, then
--       field and number of each count
-- RETURNS  {now_ms, how many heard of the ends}, or {now_ms, -1, ids that are not the incarnation's any more}: then nothing
--          was changed for any; {-1} where the incarnation may never act again
-- GUARANTEES  result, removal and dead letter of a job happen together. What is not held under its token is not ended.
-- INCLUDES  clock, counting, keeping, letters
local n, kept, unkept, deaths = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local FIRST = 9
local last, tokens_at = FIRST + n - 1, FIRST + n
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
local rare = redis.call('EXISTS', NOTES, ABORTS, PROGRESS)
local pairs_at = tokens_at + n
local apart_at = pairs_at + 2 * kept
local deaths_at = apart_at + 3 * (n - kept - unkept)
local dead_payloads = {}
if deaths > 0 then
    local died = {}
    for at = deaths_at, deaths_at + 3 * deaths - 1, 3 do
        died[#died + 1] = ARGV[at]
    end
    dead_payloads = redis.call('HMGET', PAYLOADS, unpack(died))
end
redis.call('HDEL', PAYLOADS, unpack(ARGV, FIRST, last))
redis.call('HDEL', HELD, unpack(ARGV, FIRST, last))
if kept > 0 then
    keep_results(now, pairs_at, apart_at - 1)
end
if unkept > 0 then
    leave_tombstones(now, FIRST + kept, FIRST + kept + unkept - 1)
end
for at = apart_at, deaths_at - 1, 3 do
    keep_apart(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), now)
end
if deaths > 0 then
    leave_letters(now, tonumber(ARGV[5]), deaths_at, deaths, dead_payloads)
end
if rare > 0 then
    redis.call('HDEL', NOTES, unpack(ARGV, FIRST, last))
    redis.call('HDEL', PROGRESS, unpack(ARGV, FIRST, last))
    redis.call('ZREM', ABORTS, unpack(ARGV, FIRST, last))
end
settle_counters(now, redis.call('HGET', META, 'second'))
for at = deaths_at + 3 * deaths, #ARGV, 2 do
    redis.pcall('HINCRBY', LIVE, ARGV[at], ARGV[at + 1])
end
local listed = redis.pcall('LPUSH', RECENT, whole(now) .. ' ' .. ARGV[6])
if type(listed) == 'number' and (listed == 1 or listed > 60) then
    redis.call('LTRIM', RECENT, 0, 49)
    redis.call('PEXPIRE', RECENT, 86400000)
end
return {now, redis.call('PUBLISH', ARGV[7], ARGV[8])}
