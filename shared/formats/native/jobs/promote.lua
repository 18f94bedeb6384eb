-- promote: make a deferred job due now.
-- KEYS  ready, ready_cpu, deferred, deferred_cpu, idle, idle_cpu, payloads, notes, meta, absent
-- ARGV  1 id
-- RETURNS  0 there is no such job, 1 it is due now, 2 it runs, 3 it was due already
-- GUARANTEES  it stands behind all that wait now. Repeating the call changes nothing.
-- INCLUDES  clock, notes, order, placing, trails, types
local id = ARGV[1]
local now = now_ms()

local function promote(deferred, due, ready, idle)
    if tonumber(due) <= now then
        return 3
    end
    check_zsets(ready)
    check_hashes(META, NOTES)
    redis.call('ZREM', deferred, id)
    -- It waits since now: its payload still says when it was to be due.
    local note = read_note(redis.call('HGET', NOTES, id))
    note.due_ms = now
    write_note(id, note)
    make_ready(ready, idle, next_stamp(now, redis.call('HGET', META, 'last')), scoreless({id}))
    add_to_trail(id, 'promoted', '', DAY, now)
    return 1
end

local due = redis.call('ZSCORE', DEFERRED, id)
if due then
    return promote(DEFERRED, due, READY, IDLE)
end
due = redis.call('ZSCORE', DEFERRED_CPU, id)
if due then
    return promote(DEFERRED_CPU, due, READY_CPU, IDLE_CPU)
end
if redis.call('ZSCORE', READY, id) or redis.call('ZSCORE', READY_CPU, id) then
    return 3
end
return redis.call('HEXISTS', PAYLOADS, id) == 1 and 2 or 0
