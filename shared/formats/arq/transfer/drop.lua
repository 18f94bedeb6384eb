-- drop: delete jobs that a run of a move has taken, as they are now at the target.
-- KEYS  QUEUE, JOB, RUN, RETRY, ABORT, CPU, ENDED, CRASH, NO_RESULT, HISTORY, PROGRESS
-- ARGV  1 run   then for each job: id, cancel_asked_ms as it was when it was taken ('' for none)
-- RETURNS  for each job: '1' it is gone, '0' it no longer belongs to the run, 'a' and the ms of an abort request that
--          has come since, '3' somebody is cancelling it: it was given back. {-1} if another run has taken over
-- GUARANTEES  payload, place, tries and crashes of a job are deleted together; for a minute, a repeated enqueue does
--             not bring it back. Its id is published as ended, so that callers that wait for it look again. Repeating
--             the call changes nothing.
-- INCLUDES  clock, counting, memory, moving, reads
if not is_run(ARGV[1]) then
    return {-1}
end
local token = token_of(ARGV[1])
allow_when_full()
local codes, ids, gone = {}, {}, {}

local function code_of(id, known)
    if get(RUN .. id) ~= token then
        return '0'
    end
    local asked = redis.pcall('ZSCORE', ABORT, id)
    asked = type(asked) == 'string' and asked or ''
    if asked ~= known then
        return 'a' .. asked
    end
    if asked == '' and tonumber(redis.call('ZSCORE', QUEUE, id) or 0) == 1 then
        redis.call('DEL', RUN .. id)
        return '3'
    end
    return '1'
end

for at = 2, #ARGV, 2 do
    local id = ARGV[at]
    local code = code_of(id, ARGV[at + 1])
    codes[#codes + 1] = code
    if code == '1' then
        ids[#ids + 1] = id
        for _, key in ipairs({JOB, RUN, RETRY, CRASH, HISTORY, PROGRESS}) do
            gone[#gone + 1] = key .. id
        end
        redis.call('SET', NO_RESULT .. id, 1, 'PX', 60000)
    end
end
if #ids > 0 then
    redis.call('DEL', unpack(gone))
    redis.pcall('ZREM', QUEUE, unpack(ids))
    redis.pcall('ZREM', CPU, unpack(ids))
    redis.pcall('ZREM', ABORT, unpack(ids))
    count(now_ms(), 'moved_away', #ids)
    redis.call('PUBLISH', ENDED, table.concat(ids, '\0'))
end
return codes
