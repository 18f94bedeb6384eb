-- enqueue_checked: enqueue jobs with ids chosen by users, or repeat an enqueue whose outcome is unknown.
-- KEYS  meta, payloads, barred
-- ARGV  1 call: names the call   2 due_ms, or 0   3 delay_ms from now, where due_ms is 0   4 name of the job, to count
--       it by   5 mode: 'named' ids that a user chose, 'again' the call may have been executed before, 'marked' the
--       same of one whose call is remembered until unmark; behind it, but for 1, a space and how many shards the
--       caller believes in   6 until_ms: when a call that is repeated does nothing, 0 for 'named'
--       then for each job: id, payload
-- RETURNS  {now_ms, a code for each job: 1 it is in, or was by this call; 0 a job or result of this id was there; 2 (not
--          for 'named') a job with this id has ended, and nothing shows whether it was this one}; {-1} if the call was
--          repeated before it came, {-2} if the queue is of a later version, {-3} if it is repeated too late,
--          {-4, shards, before, opened} if it has more shards, {-5} if this one is not open
-- GUARANTEES  a job that is in has its payload and its place; however often a call is repeated it puts a job in once, and
--             its first sending, where that comes late, does nothing. Repeated after until_ms it changes nothing: what
--             shows that a job has ended may be gone by then.
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
