-- enqueue: put jobs of one name into the queue, whose ids were made for this call.
-- KEYS  meta, payloads, barred, lane_ready, lane_deferred, lane_idle, notes, live
-- ARGV  1 call: names the call   2 due_ms, or 0   3 delay_ms from now, where due_ms is 0   4 name of the job, to count
--       it by   5 large: 1 where a payload has more than 16 KB, else 0   then for each job: id, payload
-- RETURNS  now_ms; -1 where the call was repeated before it came, -2 where the queue is of a later version
-- GUARANTEES  all of the call's jobs are in, each with its payload and its place, or none. Where the call was repeated
--             (enqueue_checked), this does nothing.
-- INCLUDES  clock, counting, opening, order, placing, types
local FIRST = 6
local known = redis.call('HMGET', META, 'v', 'last', 'second')
if is_newer(known[1]) then
    return -2
end
if redis.call('ZSCORE', BARRED, ARGV[1]) then
    return -1
end
local now = now_ms()
if not known[1] then
    open_queue()
end
local has_large = ARGV[5] == '1'
if has_large then
    check_hashes(NOTES)
end
local ids, due = {}, due_of(now, ARGV[2], ARGV[3])
for at = FIRST, #ARGV, 2 do
    ids[#ids + 1] = ARGV[at]
end
if due > 0 then
    defer(LANE_DEFERRED, LANE_IDLE, LANE_READY, due, ids)
else
    make_ready(LANE_READY, LANE_IDLE, next_stamp(now, known[2]), ids)
end
redis.call('HSET', PAYLOADS, unpack(ARGV, FIRST))
if has_large then
    for at = FIRST, #ARGV, 2 do
        note_large(ARGV[at], ARGV[at + 1])
    end
end
settle_counters(now, known[3])
redis.pcall('HINCRBY', LIVE, 'enqueued\0' .. ARGV[4], #ids)
return now
