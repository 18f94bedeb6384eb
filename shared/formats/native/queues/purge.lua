-- purge: delete waiting jobs, oldest first and some at a time; running jobs are not touched.
-- KEYS  meta, absent, payloads, lane_queued, lane_deferred, notes, progress, cancels, trails, ends,
--       tombstones, live
-- ARGV  1 state: 'queued' those that are due, 'deferred' the others   2 limit   3 channel of ends
--       4 bound_ms and   5 bound_stamp: only jobs that waited then, from the first call's reply; '' for the first call
-- RETURNS  {how many were deleted, bound_ms, bound_stamp}; if none was deleted, none is left
-- GUARANTEES  payload, place, tries and crashes of a job are deleted together, and its id is published as ended. A
--             repeated enqueue does not bring it back.
-- INCLUDES  clock, leaving, order, types
local limit, bound_ms, bound_stamp = tonumber(ARGV[2]), tonumber(ARGV[4]), tonumber(ARGV[5])
if not bound_ms then
    bound_ms = now_ms()
    -- The newest stamp may be ahead of a clock that was set back.
    bound_stamp = math.max(stamp_of(bound_ms), (tonumber(redis.call('HGET', META, 'last') or nil) or LEVEL) - LEVEL)
end
local ids = {}
check_zsets(CANCELS, ENDS)
check_hashes(PAYLOADS, NOTES, PROGRESS, TRAILS, unpack(KEYS, TOMBSTONES, TOMBSTONES + 2))

local function take(source, lowest, highest)
    if #ids == limit then
        return
    end
    local page = redis.call('ZRANGEBYSCORE', source, lowest, highest, 'LIMIT', 0, limit - #ids)
    if #page > 0 then
        redis.call('ZREM', source, unpack(page))
    end
    for _, id in ipairs(page) do
        ids[#ids + 1] = id
    end
end

if ARGV[1] == 'deferred' then
    take(LANE_DEFERRED, '(' .. whole(bound_ms), '+inf')
else
    take(LANE_QUEUED, '-inf', whole(LEVEL + bound_stamp))
    take(LANE_DEFERRED, '-inf', whole(bound_ms))
end
if #ids > 0 then
    leave(ids, 'purged', ARGV[3])
    if ARGV[4] == '' then
        -- Jobs that come in the same ms are after the bound.
        redis.call('HSET', META, 'last', whole(LEVEL + bound_stamp))
    end
end
return {#ids, whole(bound_ms), whole(bound_stamp)}
