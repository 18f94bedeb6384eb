-- finish_mixed: end jobs whose results are kept for any time or not at all; some may leave dead letters.
-- KEYS  payloads, absent
-- ARGV  1 jobs: how many   2 the ended jobs, for display   3 channel of ends   4 message for it   5 kept: how many of
-- the
--       jobs, the first ones, have results that are kept for an hour   6 unkept: how many of them, the next ones, have
--       none that is kept; the others are kept apart   7 deaths: how many leave a dead letter   8 max_dead
--       9 keep_dead_ms   then the ids, then their tokens, then id and result of each that is kept, then id, result,
--       keep_ms (0 forever) of each that is kept apart, then id and letter of each death, then field and number of each
--       count
-- RETURNS  {now_ms, how many listeners received the ends}, or {now_ms, -1, ids that are no longer the incarnation's}:
--          then nothing was changed for any; {-1} if the incarnation has ended for good
-- GUARANTEES  result, removal and dead letter of a job happen together; its last report is kept for at least minutes. A
--             job that is not held under its token is not ended.
-- INCLUDES  clock, ending, keeping, letters, ring
local FIRST, n = 10, tonumber(ARGV[1])
local kept, unkept, deaths = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local last = FIRST + n - 1
local lost = lost_of_range(FIRST, last)
if not lost then
    return {-1}
end
local now, now_text = now_and_text()
if #lost > 0 then
    return {now, -1, lost}
end
local results_at = last + n + 1
local apart_at = results_at + 2 * kept
local deaths_at = apart_at + 3 * (n - kept - unkept)

-- Read before it is deleted.
local function read_deaths()
    local results, died = {}, {ids = {}, letters = {}, results = {}}
    for at = results_at, apart_at - 1, 2 do
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
redis.call('DEL', ABSENT)
if kept > 0 then
    keep_results(now, ARGV, results_at, apart_at - 1)
end
if unkept > 0 then
    leave_tombstones(now, {unpack(ARGV, FIRST + kept, FIRST + kept + unkept - 1)})
end
for at = apart_at, deaths_at - 1, 3 do
    keep_apart(ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), now)
end
if died then
    leave_letters(now, tonumber(ARGV[8]), died.ids, died.letters, died.payloads, tonumber(ARGV[9]), died.results)
end

-- In the tombstone of a job whose result is stored elsewhere, even if that job would have left none.
local function keep_reports(reports)
    local beside, ids, others = {}, {}, {}
    for i, report in ipairs(reports) do
        local id = ARGV[FIRST + i - 1]
        if report and i <= kept then
            beside[#beside + 1], beside[#beside + 2] = '\0' .. id, report
        elseif report then
            ids[#ids + 1], others[#others + 1] = id, report
        end
    end
    if #beside > 0 then
        keep_results(now, beside)
    end
    if #ids > 0 then
        leave_tombstones(now, ids, others)
    end
end

local reports = end_jobs(FIRST, last)
if reports then
    keep_reports(reports)
end
release(FIRST, last)
local to_end = n - kept - unkept + deaths
if to_end > 0 then
    -- Delete twice as much as is added, so that it cannot grow. pcall: a wrong key must not undo the ends.
    pcall(drop_ended, now, math.min(2 * to_end, 1000))
end
return {now, tell_ends(now, now_text, deaths_at + 2 * deaths, ARGV[2], ARGV[3], ARGV[4])}
