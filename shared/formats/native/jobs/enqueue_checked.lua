-- enqueue_checked: enqueue jobs with ids chosen by users, or repeat an enqueue whose outcome is unknown.
-- KEYS  meta, payloads, barred
-- ARGV  1 call: names the call   2 due_ms, or 0   3 delay_ms from now, where due_ms is 0   4 name of the job, to count
--       it by   5 mode: 'named' ids chosen by a user, 'again' the call may have been executed before, 'marked' the same,
--       remembered until unmark; followed, unless it is 1, by a space and the number of shards that the caller knows
--       6 until_ms: when a repeated call does nothing, 0 for 'named'
--       then for each job: id, payload
-- RETURNS  {now_ms, a code for each job: 1 this call enqueued it, now or before; 0 a job or result with this id
--          existed; 2 (not for 'named') a job with this id has ended, and nothing shows whether it was this one}; {-1}
--          if its repetition came first, {-2} if the queue is of a later version, {-3} if it is repeated too late, {-4,
--          shards, before, opened} if it has more shards, {-5} if this one is not open
-- GUARANTEES  an enqueued job has its payload and its place; however often a call is repeated, it enqueues a job once,
--             and its first sending does nothing if it comes late. Repeated after until_ms, it changes nothing: the
--             record that a job has ended may be gone by then.
-- INCLUDES  admission, clock, placing, version
local FIRST = 7
local known = redis.call('HMGET', META, 'v', 'last', 'second')
local mode, believed = ARGV[5], ''
if string.byte(mode, -1) < 97 then -- no letter
    mode, believed = string.match(mode, '^(%a+) (%d+)$')
end
if known[1] ~= VERSION or believed ~= '' then
    local refusal = refusal_of(known[1], believed)
    if refusal then
        return refusal
    end
end
local is_repeated, is_marked = mode ~= 'named', mode == 'marked'
local barred = (is_marked or not is_repeated) and redis.call('ZSCORE', BARRED, ARGV[1])
if barred and not is_marked then
    return {-1}
end
local now = now_ms()
if is_repeated then
    if now > tonumber(ARGV[6]) then
        return {-3}
    end
    if barred then
        local codes = {now}
        for _ = FIRST, #ARGV, 2 do
            codes[#codes + 1] = 1
        end
        return codes
    end
    if not is_marked then
        redis.call('ZADD', BARRED, whole(now), ARGV[1])
    end
end
local jobs = {}
for at = FIRST, #ARGV, 2 do
    jobs[#jobs + 1] = {id = ARGV[at], payload = ARGV[at + 1]}
end
local codes = admit(jobs, now, known, is_repeated, due_of(now, ARGV[2], ARGV[3]), ARGV[4])
if is_marked and codes[1] == 1 then
    redis.call('ZADD', BARRED, 'inf', ARGV[1])
end
table.insert(codes, 1, now)
return codes
