-- admission: enqueues jobs whose ids may belong to live or ended jobs.
-- KEYS  meta, payloads, lane_queued, lane_deferred, lane_idle, notes, cancels, trails, live
-- DEFINES  admit
-- INCLUDES  counting, ended, notes, opening, order, placing, types

local function forget_earlier(ids)
    redis.pcall('HDEL', NOTES, unpack(ids))
    redis.pcall('HDEL', TRAILS, unpack(ids))
    redis.pcall('ZREM', CANCELS, unpack(ids))
end

local function has_large(pairs_in)
    for at = 2, #pairs_in, 2 do
        if #pairs_in[at] > LARGE then
            return true
        end
    end
    return false
end

-- Enqueues the jobs whose ids are free, at `due` (0 is now); returns a code for each. `known` is meta's
-- v, last and second.
local function admit(jobs, now, known, is_repeated, due, name)
    local ids, codes, fresh, stored_now = {}, {}, {}, {}
    for i, job in ipairs(jobs) do
        ids[i] = job.id
    end
    local stored, ended = redis.call('HMGET', PAYLOADS, unpack(ids)), ended_of(ids, now, is_repeated)
    local pairs_in = {}
    for i, job in ipairs(jobs) do
        local payload = stored[i] or stored_now[job.id]
        if payload then
            codes[i] = is_repeated and payload == job.payload and 1 or 0
        elseif ended[i] then
            codes[i] = is_repeated and 2 or 0
        else
            codes[i] = 1
            stored_now[job.id] = job.payload
            fresh[#fresh + 1] = job.id
            pairs_in[#pairs_in + 1], pairs_in[#pairs_in + 2] = job.id, job.payload
        end
    end
    if #fresh == 0 then
        return codes
    end
    if not known[1] then
        open_queue()
    end
    if has_large(pairs_in) then
        check_hashes(NOTES)
    end
    if due > 0 then
        defer(LANE_DEFERRED, LANE_IDLE, LANE_QUEUED, due, scoreless(fresh))
    else
        make_queued(LANE_QUEUED, LANE_IDLE, next_stamp(now, known[2]), scoreless(fresh), true)
    end
    redis.call('HSET', PAYLOADS, unpack(pairs_in))
    forget_earlier(fresh)
    for at = 1, #pairs_in, 2 do
        note_large(pairs_in[at], pairs_in[at + 1])
    end
    settle_counters(now, known[3]) -- DUE
    redis.pcall('HINCRBY', LIVE, 'enqueued\0' .. name, #fresh)
    return codes
end
