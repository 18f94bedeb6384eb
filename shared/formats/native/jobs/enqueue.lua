-- enqueue: enqueue jobs with one name and with ids generated for this call.
-- KEYS  meta, payloads, barred, lane_queued, lane_deferred, lane_idle, notes, live
-- ARGV  1 call: names the call   2 due_ms, or 0   3 delay_ms from now, where due_ms is 0   4 name of the job, to count
--       it by   5 large: 1 if a payload has more than 16 KB, else 0; followed, unless it is 1, by a space and the
--       number of shards that the caller knows   then for each job: id, payload
-- RETURNS  now_ms; -1 if its repetition came first; {-2} if the queue is of a later version, {-4, shards, before,
--          opened} if it has more shards, {-5} if this one is not open
-- GUARANTEES  all of the call's jobs are enqueued, each with its payload and its place, or none. After a repetition
--             (enqueue_checked), this does nothing.
-- INCLUDES  clock, counting, opening, order, placing, types, version
local FIRST = 6
local known = redis.call('HMGET', META, 'v', 'last', 'second')
if known[1] ~= VERSION or #ARGV[5] > 1 then
    local refusal = refusal_of(known[1], string.sub(ARGV[5], 3))
    if refusal then
        return refusal
    end
end
if redis.call('ZSCORE', BARRED, ARGV[1]) then
    return -1
end
local now = now_ms()
if not known[1] then
    open_queue()
end
local has_large = string.byte(ARGV[5]) == 49 -- a 1
if has_large then
    check_hashes(NOTES)
end
-- Shifted by one, the ids are where ZADD expects them. A table filled one by one would be reallocated repeatedly.
local due, scored = due_of(now, ARGV[2], ARGV[3]), {unpack(ARGV, FIRST - 1, #ARGV - 1)}
if due > 0 then
    defer(LANE_DEFERRED, LANE_IDLE, LANE_QUEUED, due, scored)
else
    make_queued(LANE_QUEUED, LANE_IDLE, next_stamp(now, known[2]), scored)
end
redis.call('HSET', PAYLOADS, unpack(ARGV, FIRST))
if has_large then
    for at = FIRST, #ARGV, 2 do
        note_large(ARGV[at], ARGV[at + 1])
    end
end
settle_counters(now, known[3]) -- DUE
redis.pcall('HINCRBY', LIVE, 'enqueued\0' .. ARGV[4], #scored / 2)
return now
