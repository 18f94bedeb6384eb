-- facts: read everything that is known about one job at one moment.
-- KEYS  queued, queued_cpu, deferred, deferred_cpu, held, payloads, notes, cancels, trails, kept, ends, tombstones
-- ARGV  1 id   2 most: bytes to read of its payload   3 tail: bytes to read of the payload's end
--       4 most_result: bytes to read of its result
-- RETURNS  {now_ms, lane queue that it waits in or nil, when it became or becomes due or nil, token under which the
--          incarnation holds it or nil, bytes of its payload or -1, payload, tail, note or nil, cancel_asked_ms or nil,
--          bytes of its result or -1, result, ms at which the result is deleted (0 for never), trail or nil, 1 if it
--          has ended recently and its result was not kept, else 0}
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock, lookup, order
local id, most, tail, most_result = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local LARGEST = 64 * 1024 * 1024 -- a hash's value can only be read whole
local now = now_ms()

local function find_place()
    local sets = {
        {'io', QUEUED, queued_ms}, {'cpu', QUEUED_CPU, queued_ms},
        {'io', DEFERRED, tonumber}, {'cpu', DEFERRED_CPU, tonumber},
    }
    for _, set in ipairs(sets) do
        local score = redis.call('ZSCORE', set[2], id)
        if score then
            return set[1], whole(math.floor(set[3](score)))
        end
    end
    return false, false
end

-- The size of a hash's value, -1 if there is none; and the value, '' if it is too large to read it.
local function read_value(key)
    local size = redis.call('HSTRLEN', key, id)
    if size == 0 and redis.call('HEXISTS', key, id) == 0 then
        return -1, ''
    end
    return size, size <= LARGEST and redis.call('HGET', key, id) or ''
end

local function find_result()
    for _, key in ipairs(result_keys(now)) do
        local size, result = read_value(key)
        if size >= 0 and not is_over(key, id, now) then
            local ends_ms = redis.call('ZSCORE', ENDS, 'r' .. id) or 0
            if key ~= KEPT then
                ends_ms = whole(now + redis.call('PTTL', key))
            end
            return size, string.sub(result, 1, most_result), ends_ms
        end
    end
    return -1, '', 0
end

local function has_tombstone()
    for at = TOMBSTONES, TOMBSTONES + 2 do
        if redis.call('HEXISTS', KEYS[at], id) == 1 then
            return 1
        end
    end
    return 0
end

local lane, due_ms = find_place()
local size, payload = read_value(PAYLOADS)
local result_size, result, result_ends_ms = find_result()
return {
    now, lane, due_ms, redis.call('HGET', HELD, id),
    size, string.sub(payload, 1, most), string.sub(payload, -tail),
    redis.call('HGET', NOTES, id), redis.call('ZSCORE', CANCELS, id),
    result_size, result, result_ends_ms,
    redis.call('HGET', TRAILS, id), has_tombstone(),
}
