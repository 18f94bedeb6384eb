-- keeping: the results of ended jobs, and the deletion of their data.
-- KEYS  results, tombstones, kept, ends, trails
-- DEFINES  drop_ended, drop_results, keep_apart, keep_result, leave_tombstones
-- INCLUDES  clock, letters, ring

-- Records for two to three minutes, as long as an enqueue may be repeated, that these jobs have ended, with their last
-- reports (in the order of the ids, false for none). A key has those of one minute, and is reused after three: it must
-- have expired by then, whenever in its minute it was created.
local function leave_tombstones(now, ids, reports)
    local minute, fields = math.floor(now / 60000), {}
    local key = KEYS[TOMBSTONES + minute % 3]
    for i, id in ipairs(ids) do
        fields[2 * i - 1], fields[2 * i] = id, reports and reports[i] or ''
    end
    redis.call('HSET', key, unpack(fields))
    redis.call('PEXPIREAT', key, whole((minute + 3) * 60000 - 1))
end

-- Keeps a result for its own time, or forever if keep_ms is 0.
local function keep_apart(id, result, keep_ms, now)
    redis.call('HSET', KEPT, id, result)
    if keep_ms == 0 then
        redis.call('ZREM', ENDS, 'r' .. id)
        return
    end
    redis.call('ZADD', ENDS, whole(now + keep_ms), 'r' .. id)
    -- An enqueue may be repeated after the result is gone.
    if keep_ms < 180000 then
        leave_tombstones(now, {id})
    end
end

-- Keeps the result of one job in one of these ways, and its last report, or false; a keep_ms of -1 keeps no result.
local function keep_result(id, result, keep_ms, now, report)
    if keep_ms == 3600000 then
        keep_results(now, report and {id, result, '\0' .. id, report} or {id, result})
        return
    end
    if keep_ms >= 0 then
        keep_apart(id, result, keep_ms, now)
    end
    if keep_ms < 0 or report then
        leave_tombstones(now, {id}, {report})
    end
end

-- Deletes the results of at most 1,000 jobs, wherever they are kept, and their reports.
local function drop_results(ids)
    local members, fields = {}, {}
    for i, id in ipairs(ids) do
        members[i], fields[2 * i - 1], fields[2 * i] = 'r' .. id, id, '\0' .. id
    end
    for at = RESULTS, RESULTS + 7 do
        redis.call('HDEL', KEYS[at], unpack(fields))
    end
    redis.call('HDEL', KEPT, unpack(ids))
    redis.call('ZREM', ENDS, unpack(members))
end

-- Deletes expired data of ended jobs, at most `most` items.
local function drop_ended(now, most)
    local over = redis.call('ZRANGEBYSCORE', ENDS, '-inf', whole(now), 'LIMIT', 0, most)
    if #over == 0 then
        return
    end
    local ids = {r = {}, d = {}, t = {}}
    for _, member in ipairs(over) do
        local of_kind = ids[string.sub(member, 1, 1)]
        of_kind[#of_kind + 1] = string.sub(member, 2)
    end
    redis.call('ZREM', ENDS, unpack(over))
    if #ids.r > 0 then
        redis.call('HDEL', KEPT, unpack(ids.r))
    end
    drop_letters(ids.d)
    if #ids.t > 0 then
        redis.call('HDEL', TRAILS, unpack(ids.t))
    end
end
