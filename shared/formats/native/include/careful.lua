-- careful: reads the unusual state of jobs for a claim.
-- KEYS  payloads, notes, live
-- DEFINES  MOST_BYTES, drop_ghosts, payload_of, read_carefully
-- INCLUDES  notes

-- No further job is taken after this many bytes of payloads; the rest is for the next claim or other workers.
local MOST_BYTES = 16777216

-- A payload, or its length if it is over the limit; and the bytes that it takes in the reply.
local function payload_of(id, max_bytes)
    local size = redis.call('HSTRLEN', PAYLOADS, id)
    if size > max_bytes then
        return size, 0
    end
    return redis.call('HGET', PAYLOADS, id), size
end

-- For a batch with anything unusual: a crash note, a large payload. `limits` are those of a claim's ARGV. Returns
-- payloads, notes, and for how many ids.
local function read_carefully(ids, limits)
    local notes, payloads = redis.call('HMGET', NOTES, unpack(ids)), {}
    local max_bytes, alone = string.match(limits, '^(%d+) (%d*)$')
    max_bytes, alone = tonumber(max_bytes), tonumber(alone)
    local bytes = 0
    for i, id in ipairs(ids) do
        local note = notes[i]
        local may_share = not (note and alone) or read_note(note).crashes ~= alone
        if i > 1 and (not may_share or bytes >= MOST_BYTES) then
            return payloads, notes, i - 1
        end
        local size
        payloads[i], size = payload_of(id, max_bytes)
        bytes = bytes + size
        if not may_share then
            return payloads, notes, 1
        end
    end
    return payloads, notes, #ids
end

-- The lists without ids that have no job: otherwise claims would find these forever.
local function drop_ghosts(ids, payloads, notes)
    local kept_ids, kept_payloads, kept_notes = {}, {}, notes and {}
    for i = 1, #ids do
        if payloads[i] then
            local at = #kept_ids + 1
            kept_ids[at], kept_payloads[at] = ids[i], payloads[i]
            if notes then
                kept_notes[at] = notes[i]
            end
        end
    end
    if #kept_ids < #ids then
        redis.pcall('HINCRBY', LIVE, 'lost\0', #ids - #kept_ids)
    end
    return kept_ids, kept_payloads, kept_notes
end
