-- revive: put dead jobs back into the queue, as if they had never run.
-- KEYS  meta, payloads, dead, letters, dead_payloads, queued, queued_cpu, idle, idle_cpu, notes, ends, live,
--       absent
-- ARGV  1 max_bytes: payloads moved by one call, after which it stops   2 shards: how many the caller knows
--       3 asks: 1 to return what would happen and change nothing, as the id belongs to another shard now, else 0
--       then for each job: id
-- RETURNS  a code for each job, as far as the call went: 1 it is back in the queue, or would be, 0 it has no dead
--          letter, 2 a job with this id waits, runs, or has ended after this one with a result that is kept, 3 the
--          letter has no payload; {-2} if the queue is of a later version, {-4, shards, before, opened} if it has more
--          shards, {-5} if this one is not open
-- GUARANTEES  payload, place in the queue, and the end of letter, result, tries and crashes happen together. Repeating
--             the call does not create a second job.
-- INCLUDES  clock, keeping, letters, lookup, notes, opening, order, placing, trails, types, version
local max_bytes, only_asks = tonumber(ARGV[1]), ARGV[3] == '1'
local known = redis.call('HMGET', META, 'v', 'shards')
local refusal = refusal_of(known[1], ARGV[2])
if refusal then
    return refusal
end
if only_asks and known[2] ~= ARGV[2] then
    return {-5}
end
local now = now_ms()
local places = result_keys(now)
local io, cpu, revived, codes, bytes = {}, {}, {}, {}, 0
check_zsets(QUEUED, QUEUED_CPU, DEAD, ENDS)
check_hashes(META, NOTES)
redis.call('DEL', ABSENT)

-- The result of a later job with the same id must not be deleted with the letter.
local function has_newer_result(id)
    local digest = digest_of(id)
    for _, key in ipairs(places) do
        local result = redis.call('HGET', key, id)
        if result and redis.sha1hex(result) ~= digest then
            return true
        end
    end
    return false
end

-- It has been waiting since now, not since it was enqueued.
local function note_due(id, payload)
    local note = read_note()
    note.due_ms = now
    note.flags = #payload > LARGE and 'b' or '-'
    write_note(id, note)
end

local function put_back(id, payload, letter)
    redis.call('HSET', PAYLOADS, id, payload)
    note_due(id, payload)
    add_to_trail(id, 'revived', '', DAY, now)
    -- JSON has no unescaped quote inside a text, so this can only be the field.
    local lane = string.find(letter, '"home":"cpu"', 1, true) and cpu or io
    lane[#lane + 1], revived[#revived + 1], bytes = id, id, bytes + #payload
end

local function revive(id)
    if redis.call('HEXISTS', PAYLOADS, id) == 1 then
        return 2
    end
    local letter, payload = redis.call('HGET', LETTERS, id), redis.call('HGET', DEAD_PAYLOADS, id)
    if not letter then
        redis.call('ZREM', DEAD, id)
        return 0
    end
    if not payload then
        return 3
    end
    if has_newer_result(id) then
        return 2
    end
    if not only_asks then
        put_back(id, payload, letter)
    end
    return 1
end

local function place(queued, idle, ids)
    if #ids > 0 then
        make_queued(queued, idle, next_stamp(now, redis.call('HGET', META, 'last')), scoreless(ids), true)
    end
end

for at = 4, #ARGV, 1 do
    if bytes >= max_bytes then
        break
    end
    codes[#codes + 1] = revive(ARGV[at])
end
if #revived > 0 then
    if not redis.call('HGET', META, 'v') then
        open_queue()
    end
    drop_letters(revived)
    drop_results(revived)
    place(QUEUED, IDLE, io)
    place(QUEUED_CPU, IDLE_CPU, cpu)
    redis.pcall('HINCRBY', LIVE, 'revived\0', #revived)
end
return codes
