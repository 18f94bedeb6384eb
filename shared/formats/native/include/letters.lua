-- letters: dead letters, left by jobs that will not run again.
-- KEYS  dead, letters, dead_payloads, ends
-- DEFINES  digest_of, drop_letters, leave_letters
-- INCLUDES  clock

-- A letter is stored with the digest of its job's result, to distinguish that from a later job's result. Ids never
-- begin with NUL, so the digest's field cannot be a letter.
local function digest_field(id)
    return '\0' .. id
end

local function digest_of(id)
    return redis.call('HGET', LETTERS, digest_field(id))
end

-- Deletes at most 1,000 letters and everything that belongs to them.
local function drop_letters(ids)
    if #ids == 0 then
        return
    end
    local fields, members = {}, {}
    for i, id in ipairs(ids) do
        fields[2 * i - 1], fields[2 * i], members[i] = id, digest_field(id), 'd' .. id
    end
    redis.call('ZREM', DEAD, unpack(ids))
    redis.call('HDEL', LETTERS, unpack(fields))
    redis.call('HDEL', DEAD_PAYLOADS, unpack(ids))
    redis.call('ZREM', ENDS, unpack(members))
end

-- Leaves a letter ("<name>\0<JSON>") for each of at most 1,000 jobs, replacing one left by an earlier job with its id.
-- A payload is false if it was gone, a result '' if it is not kept. The queue's oldest letters make room. A job's trail
-- stays as long as its letter.
local function leave_letters(now, max_dead, ids, letters, payloads, keep_ms, results)
    local end_ms = whole(now + keep_ms)
    local scored, ending, trails, written, kept = {}, {}, {}, {}, {}
    drop_letters(ids)
    for i, id in ipairs(ids) do
        scored[2 * i - 1], scored[2 * i] = whole(now), id
        ending[2 * i - 1], ending[2 * i] = end_ms, 'd' .. id
        trails[2 * i - 1], trails[2 * i] = end_ms, 't' .. id
        written[#written + 1], written[#written + 2] = id, letters[i]
        if results[i] ~= '' then
            written[#written + 1], written[#written + 2] = digest_field(id), redis.sha1hex(results[i])
        end
        if payloads[i] then
            kept[#kept + 1], kept[#kept + 2] = id, payloads[i]
        end
    end
    redis.call('HSET', LETTERS, unpack(written))
    if #kept > 0 then
        redis.call('HSET', DEAD_PAYLOADS, unpack(kept))
    end
    redis.call('ZADD', DEAD, unpack(scored))
    redis.call('ZADD', ENDS, unpack(ending))
    redis.call('ZADD', ENDS, 'XX', 'GT', unpack(trails))
    local surplus = redis.call('ZCARD', DEAD) - max_dead
    if surplus > 0 then
        drop_letters(redis.call('ZRANGE', DEAD, 0, math.min(surplus, 1000) - 1))
    end
end
