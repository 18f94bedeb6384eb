-- enqueue_checked: put jobs into the queue whose ids a user chose, or repeat an enqueue whose outcome is unknown.
-- KEYS  meta, payloads, barred
-- ARGV  1 call: names the call   2 due_ms, or 0   3 delay_ms from now, where due_ms is 0   4 name of the job, to count
--       it by   5 mode: 'named' ids that a user chose, 'again' the call may have been carried out before
--       6 until_ms: when a call that is repeated does nothing any more, 0 for 'named'   then for each job: id, payload
-- RETURNS  {now_ms, a code for each job: 1 it is in, 0 a job or result of this id was there, 2 (only 'again') a job of
--          this id has ended, and nothing shows whether it was this one}; {-1} where the call was repeated before it
--          came, {-2} where the queue is of a later version, {-3} where it is repeated too late
-- GUARANTEES  a job that is in has its payload and its place; however often a call is repeated it puts a job in once, and
--             its first sending, where that comes late, does nothing. Repeated after until_ms it changes nothing: what
--             shows that a job has ended may be gone by then.
-- INCLUDES  admission, clock, opening, placing
local FIRST = 7
local known = redis.call('HMGET', META, 'v', 'last', 'second')
if is_newer(known[1]) then
    return {-2}
end
local is_repeated = ARGV[5] == 'again'
if not is_repeated and redis.call('ZSCORE', BARRED, ARGV[1]) then
    return {-1}
end
local now = now_ms()
if is_repeated then
    if now > tonumber(ARGV[6]) then
        return {-3}
    end
    redis.call('ZADD', BARRED, whole(now), ARGV[1])
end
local jobs = {}
for at = FIRST, #ARGV, 2 do
    jobs[#jobs + 1] = {id = ARGV[at], payload = ARGV[at + 1]}
end
local codes = admit(jobs, now, known, is_repeated, due_of(now, ARGV[2], ARGV[3]), ARGV[4])
table.insert(codes, 1, now)
return codes
