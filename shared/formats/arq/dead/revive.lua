-- revive: put dead jobs back into the queue, as if they had never run.
-- KEYS  QUEUE, JOB, RUN, RETRY, RESULT, ABORT, CRASH, NO_RESULT, DEAD, DEAD_LETTER
-- ARGV  1 max_bytes: payloads moved by one call, after which it stops   then for each job: id
-- RETURNS  a code for each job, as far as the call went: 1 it is back in the queue, 0 it has no dead letter, 2 a job
--          with this id waits, runs, or has ended after this one with a result that is kept, 3 the letter has no
--          payload
-- GUARANTEES  payload, place in the queue, and the end of letter, result, tries and crashes happen together; repeating
--             the call does not create a second job.
-- INCLUDES  clock, counting, history, lanes, memory, queue_list, wake
local max_bytes = tonumber(ARGV[1])
redis.call('ZCARD', QUEUE)
allow_when_full()
local moment = now_ms()
local now = ms(moment)
local codes, lanes = {}, {}
local moved, bytes = 0, 0

-- JSON has no unescaped quote inside a text, so this can only be the field.
local function lane_in(letter)
    return string.find(letter or '', '"home":"cpu"', 1, true) and 'cpu' or 'io'
end

local function put_back(id, payload, lane)
    redis.call('SET', JOB .. id, payload)
    put_in_queue(id, lane, now)
    redis.call('DEL', DEAD_LETTER .. id, RESULT .. id, NO_RESULT .. id, RETRY .. id, CRASH .. id)
    redis.pcall('ZREM', DEAD, id)
    redis.pcall('ZREM', ABORT, id)
    add_to_history(id, 'revived', '')
    moved, bytes, lanes[lane] = moved + 1, bytes + #payload, true
end

-- The result of a later job with the same id must not be deleted with the letter. Results end with the time at which
-- they were made and the job's id, so no two end alike.
local function has_newer_result(id, result_end)
    local kept = redis.pcall('GETRANGE', RESULT .. id, -200, -1)
    return type(kept) == 'string' and kept ~= '' and kept ~= result_end
end

local function revive(id)
    if redis.call('EXISTS', JOB .. id, RUN .. id) > 0 then
        return 2
    end
    local kept = redis.pcall('HMGET', DEAD_LETTER .. id, 'payload', 'has_payload', 'letter', 'result_end')
    if not kept[2] then
        redis.pcall('ZREM', DEAD, id)
        return 0
    end
    if kept[2] ~= '1' then
        return 3
    end
    if kept[4] and has_newer_result(id, kept[4]) then
        return 2
    end
    put_back(id, kept[1], lane_in(kept[3]))
    return 1
end

for at = 2, #ARGV, 1 do
    if bytes >= max_bytes then
        break
    end
    codes[#codes + 1] = revive(ARGV[at])
end
if moved > 0 then
    count(moment, 'revived', moved)
    if QUEUE ~= DEFAULT_QUEUE then
        register_queue(moment)
    end
end
for lane in pairs(lanes) do
    wake(lane)
end
return codes
