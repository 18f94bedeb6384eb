-- requeue: return an incarnation's jobs to the queue, to be run later or at once.
-- KEYS  meta, held, queued, queued_cpu, deferred, deferred_cpu, idle, idle_cpu, notes, live, absent
-- ARGV  1 counts: how many pairs follow   then field and number of each count   then for each job: id, token, lane queue it
--       waits in next ('io' or 'cpu'), place: 'head' for one that was not started, 'tail', or 'due',
--       due_ms (or 0), delay_ms from now where due_ms is 0, tries used ('' leaves them: the run does not count),
--       unknown_ms: since when no worker has known its name ('' if this one knows it), event and words for its trail
--       ('' for none)
-- RETURNS  {now_ms}, or {now_ms, ids that are no longer the incarnation's}: then nothing was changed for any; {-1} if
--          the incarnation has ended for good
-- GUARANTEES  when the call returns, the job is in its queue and any worker can claim it. A job that is not held under
--             its token is not touched. A cancellation request stays for its next claim.
-- INCLUDES  clock, counting, notes, order, ownership, placing, trails, types
local STRIDE = 10
local FIRST = 2 + 2 * ARGV[1]
local lost = lost_of(FIRST, #ARGV, STRIDE)
if not lost then
    return {-1}
end
local now = now_ms()
if #lost > 0 then
    return {now, lost}
end
check_zsets(QUEUED, QUEUED_CPU, DEFERRED, DEFERRED_CPU)
check_hashes(NOTES)
redis.call('DEL', ABSENT)
local known = redis.call('HMGET', META, 'last', 'second')
local stamp = next_stamp(now, known[1])
local io = {queued = QUEUED, deferred = DEFERRED, idle = IDLE, head = {}, tail = {}}
local cpu = {queued = QUEUED_CPU, deferred = DEFERRED_CPU, idle = IDLE_CPU, head = {}, tail = {}}

local function note(id, due, tries, unknown_ms)
    local stored = redis.call('HGET', NOTES, id)
    if not stored and tries == '' and unknown_ms == '' then
        return
    end
    local changed = read_note(stored)
    changed.tries = tonumber(tries) or changed.tries
    changed.unknown_ms = tonumber(unknown_ms) or 0
    changed.due_ms = due
    write_note(id, changed)
end

local ids = {}
for at = FIRST, #ARGV, STRIDE do
    local id, lane, place = ARGV[at], ARGV[at + 2] == 'cpu' and cpu or io, ARGV[at + 3]
    local due = place == 'due' and due_of(now, ARGV[at + 4], ARGV[at + 5]) or 0
    ids[#ids + 1] = id
    note(id, due > 0 and due or now, ARGV[at + 6], ARGV[at + 7])
    if due > 0 then
        defer(lane.deferred, lane.idle, lane.queued, due, scoreless({id}))
    else
        local list = place == 'head' and lane.head or lane.tail
        list[#list + 1] = id
    end
    if ARGV[at + 8] ~= '' then
        add_to_trail(id, ARGV[at + 8], ARGV[at + 9], math.max(due - now, 0) + 86400000, now)
    end
end
redis.call('HDEL', HELD, unpack(ids))
for _, lane in ipairs({io, cpu}) do
    put_at_head(lane.queued, lane.idle, now, lane.head)
    if #lane.tail > 0 then
        make_queued(lane.queued, lane.idle, stamp, scoreless(lane.tail), true)
        stamp = stamp + #lane.tail
    end
end
settle_counters(now, known[2]) -- DUE
for at = 2, FIRST - 1, 2 do
    redis.pcall('HINCRBY', LIVE, ARGV[at], ARGV[at + 1])
end
return {now}
