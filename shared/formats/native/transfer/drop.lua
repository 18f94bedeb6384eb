-- drop: delete jobs that a run of a move has read, as they are now at the target.
-- KEYS  meta, payloads, queued, queued_cpu, deferred, deferred_cpu, notes, progress, cancels, trails, ends, tombstones, live,
--       absent
-- ARGV  1 run   2 channel of ends   then for each job: id, SHA-1 of its payload, cancel_asked_ms as it was when it was read (''
--       for none)
-- RETURNS  for each job: '1' it is gone, '0' it no longer waits here, 'a' and the ms of a cancellation request that has
--          come since; {-1} if another run has taken over
-- GUARANTEES  payload, place, tries and crashes of a job are deleted together, and its id is published as ended, so
--             that callers that wait for it look again. A repeated enqueue does not bring it back. Repeating the call
--             changes nothing.
-- INCLUDES  leaving, moving, types
if not is_run(ARGV[1]) then
    return {-1}
end
check_zsets(QUEUED, QUEUED_CPU, DEFERRED, DEFERRED_CPU, CANCELS, ENDS)
check_hashes(PAYLOADS, NOTES, PROGRESS, TRAILS, unpack(KEYS, TOMBSTONES, TOMBSTONES + 2))
redis.call('DEL', ABSENT)
local codes, ids = {}, {}

local function has_left_its_place(id)
    for _, key in ipairs({QUEUED, QUEUED_CPU, DEFERRED, DEFERRED_CPU}) do
        if redis.call('ZREM', key, id) == 1 then
            return true
        end
    end
    return false
end

local function code_of(id, digest, known)
    local payload = redis.call('HGET', PAYLOADS, id)
    if not payload or redis.sha1hex(payload) ~= digest then
        return '0'
    end
    local asked = redis.call('ZSCORE', CANCELS, id) or ''
    if asked ~= known then
        return 'a' .. asked
    end
    return has_left_its_place(id) and '1' or '0'
end

for at = 3, #ARGV, 3 do
    local code = code_of(ARGV[at], ARGV[at + 1], ARGV[at + 2])
    codes[#codes + 1] = code
    if code == '1' then
        ids[#ids + 1] = ARGV[at]
    end
end
if #ids > 0 then
    leave(ids, 'moved_away', ARGV[2])
end
return codes
