-- promote: make a deferred job due now.
-- KEYS  queued, queued_cpu, deferred, deferred_cpu, idle, idle_cpu, payloads, notes, meta, absent
-- ARGV  1 id
-- RETURNS  0 there is no such job, 1 it is due now, 2 it runs, 3 it was due already
-- GUARANTEES  it is placed after all jobs that wait now. Repeating the call changes nothing.
-- INCLUDES  clock, notes, order, placing, trails, types
local id = ARGV[1]
local now = now_ms()

local function promote(deferred, due, queued, idle)
    if tonumber(due) <= now then
        return 3
    end
    check_zsets(queued)
    check_hashes(META, NOTES)
    redis.call('ZREM', deferred, id)
    -- It has been waiting since now: its payload still has the original due time.
    local note = read_note(redis.call('HGET', NOTES, id))
    note.due_ms = now
    write_note(id, note)
    make_queued(queued, idle, next_stamp(now, redis.call('HGET', META, 'last')), scoreless({id}))
    add_to_trail(id, 'promoted', '', DAY, now)
    return 1
end

local due = redis.call('ZSCORE', DEFERRED, id)
if due then
    return promote(DEFERRED, due, QUEUED, IDLE)
end
due = redis.call('ZSCORE', DEFERRED_CPU, id)
if due then
    return promote(DEFERRED_CPU, due, QUEUED_CPU, IDLE_CPU)
end
if redis.call('ZSCORE', QUEUED, id) or redis.call('ZSCORE', QUEUED_CPU, id) then
    return 3
end
return redis.call('HEXISTS', PAYLOADS, id) == 1 and 2 or 0
