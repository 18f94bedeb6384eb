-- claim: give jobs of one lane queue to an incarnation of a worker.
-- KEYS  meta, payloads, held, leases, gone, lane_ready, lane_deferred, lane_idle, notes, aborts, live, absent
-- ARGV  1 incarnation   2 worker   3 letter of the lane queue: 'i' or 'c'   4 number of the claim   5 limit (0 takes none)   6 lease_ms
--       7 max_reply: bytes of payloads after which no further job is taken   8 max_bytes of a payload
--       9 alone: a job with so many crashes comes as the only one of its claim; '' for none   10 first: 1 where the
--       incarnation has not been seen yet, else 0   11 again: 1 where the claim may have been carried out before
-- RETURNS  {now_ms, ms of the next deferred job or -1, ids, payloads, notes, aborts}; the lists where a job was taken, and
--          notes and aborts where one has something rare. A payload over max_bytes is its length (a number).
--          {-1} where the incarnation may never act again, {-2} where the queue is of a later version.
-- GUARANTEES  a number takes jobs once: repeated, it answers with those that are still held under it. A job that is
--             taken is in `held` and nowhere else. A claim that comes after its incarnation's end takes nothing.
-- INCLUDES  clock, counting, notes, opening, order, wake
local incarnation, worker, letter, number = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local limit, token = tonumber(ARGV[5]), letter .. number
local me = redis.call('HMGET', HELD, '\0', '\0' .. letter)
local known = redis.call('HMGET', META, 'v', 'needs', 'paused', 'second', 'last', 'timer:' .. letter)
if is_newer(known[1], known[2]) then
    return {-2}
end
if not me[1] and ARGV[10] ~= '1' then
    return {-1}
end
local now = now_ms()

local function is_gone()
    local gone = redis.call('ZMSCORE', GONE, incarnation, worker)
    return gone[1] or gone[2]
end

-- The answer to a number that has taken its jobs already.
local function held_under_it()
    local all, ids = redis.call('HGETALL', HELD), {}
    for at = 1, #all, 2 do
        if all[at + 1] == token then
            ids[#ids + 1] = all[at]
        end
    end
    table.sort(ids)
    return ids
end

-- What is deferred until now moves to where it would stand had it been enqueued at its time.
local function promote()
    local due = redis.call('ZRANGEBYSCORE', LANE_DEFERRED, '-inf', now, 'WITHSCORES', 'LIMIT', 0, math.max(200, limit))
    local scored = {}
    for at = 1, #due, 2 do
        scored[at], scored[at + 1] = whole(LEVEL + stamp_of(tonumber(due[at + 1]))), due[at]
    end
    redis.call('ZREMRANGEBYRANK', LANE_DEFERRED, 0, #due / 2 - 1)
    redis.call('ZADD', LANE_READY, unpack(scored))
end

-- Where a batch has something rare: a crash note, a large payload. Returns payloads, notes, and how many ids they are.
local function read_carefully(ids)
    local notes, payloads = redis.call('HMGET', NOTES, unpack(ids)), {}
    local bytes, alone = 0, tonumber(ARGV[9])
    for i, id in ipairs(ids) do
        local note = notes[i]
        local may_share = not (note and alone) or read_note(note).crashes ~= alone
        if i > 1 and (not may_share or bytes >= tonumber(ARGV[7])) then
            return payloads, notes, i - 1
        end
        local size = redis.call('HSTRLEN', PAYLOADS, id)
        if size > tonumber(ARGV[8]) then
            payloads[i] = size
        else
            payloads[i] = redis.call('HGET', PAYLOADS, id)
            bytes = bytes + size
        end
        if not may_share then
            return payloads, notes, 1
        end
    end
    return payloads, notes, #ids
end

local function shorten(list, length)
    for i = #list, length + 1, -1 do
        list[i] = nil
    end
end

-- No job of such an id: it is dropped, so that the claim does not find it for ever.
local function drop_ghosts(ids, payloads, notes)
    local kept, size = {}, #ids
    for i = 1, size do
        if payloads[i] then
            kept[#kept + 1] = i
        end
    end
    if #kept == size then
        return
    end
    for to, from in ipairs(kept) do
        ids[to], payloads[to] = ids[from], payloads[from]
        if notes then
            notes[to] = notes[from]
        end
    end
    shorten(ids, #kept)
    shorten(payloads, #kept)
    redis.pcall('HINCRBY', LIVE, 'lost\0', size - #kept)
end

-- Only one worker waits for the very moment at which the next deferred job is due.
local function next_due()
    local first = redis.call('ZRANGE', LANE_DEFERRED, 0, 0, 'WITHSCORES')
    if not first[1] then
        return -1
    end
    local due = tonumber(first[2])
    local keeper, until_ms = string.match(known[6] or '', '^(.*) (%d+)$')
    if keeper and keeper ~= worker and tonumber(until_ms) >= now and tonumber(until_ms) <= due then
        return due + 250
    end
    redis.pcall('HSET', META, 'timer:' .. letter, worker .. ' ' .. whole(due))
    return due
end

local is_repeated = me[2] and tonumber(number) <= tonumber(me[2])
if is_repeated then
    if tonumber(number) < tonumber(me[2]) then
        return {now, -1}
    end
    local ids = held_under_it()
    if #ids == 0 then
        return {now, -1}
    end
    return {now, -1, ids, redis.call('HMGET', PAYLOADS, unpack(ids)), redis.call('HMGET', NOTES, unpack(ids)),
        redis.call('ZMSCORE', ABORTS, unpack(ids))}
end
if not me[1] and is_gone() then
    return {-1}
end

local function open_incarnation()
    redis.call('HSET', HELD, '\0', PAD, '\0i', 0, '\0c', 0)
    redis.call('ZADD', LEASES, whole(now + tonumber(ARGV[6])), incarnation)
end

-- Its first sending may come yet, and must find that the number is used.
local function bar_twin()
    if ARGV[11] == '1' then
        redis.call('DEL', ABSENT) -- a full Redis allows what follows
        if not me[1] then
            open_incarnation()
        end
        redis.call('HSET', HELD, '\0' .. letter, number)
    end
end

if known[3] or limit < 1 then
    bar_twin()
    if limit > 0 then
        redis.pcall('ZADD', LANE_IDLE, now, worker) -- to be woken when the queue is resumed
    end
    return {now, -1}
end
if #redis.call('ZRANGEBYSCORE', LANE_DEFERRED, '-inf', now, 'LIMIT', 0, 1) > 0 then
    promote()
end
local ids = redis.call('ZRANGE', LANE_READY, 0, limit - 1)
if #ids == 0 then
    bar_twin()
    redis.pcall('ZADD', LANE_IDLE, now, worker)
    return {now, next_due()}
end

local size, rare, payloads, notes = #ids, redis.call('EXISTS', NOTES, ABORTS), nil, false
if rare > 0 then
    payloads, notes, size = read_carefully(ids)
else
    payloads = redis.call('HMGET', PAYLOADS, unpack(ids))
    local bytes, room = 0, tonumber(ARGV[7])
    for i = 1, size do
        if not payloads[i] then
            rare = 1
        else
            bytes = bytes + #payloads[i]
            if bytes > room then
                size = i
                break
            end
        end
    end
end
redis.call('ZREMRANGEBYRANK', LANE_READY, 0, size - 1)
if size < #ids then
    shorten(ids, size)
    shorten(payloads, size)
    if notes then
        shorten(notes, size)
    end
end
local aborts = false
if rare > 0 then
    drop_ghosts(ids, payloads, notes)
    aborts = #ids > 0 and redis.call('EXISTS', ABORTS) == 1 and redis.call('ZMSCORE', ABORTS, unpack(ids))
end
local held = {'\0' .. letter, number}
for i = 1, #ids do
    local base = 2 * i
    held[base + 1], held[base + 2] = ids[i], token
end
if not me[1] then
    open_incarnation()
else
    redis.call('ZADD', LEASES, whole(now + tonumber(ARGV[6])), incarnation)
end
redis.call('HSET', HELD, unpack(held))
settle_counters(now, known[4])
redis.pcall('HINCRBY', LIVE, 'started\0', #ids)
local next_ms = -1
if size < limit then
    redis.pcall('ZADD', LANE_IDLE, now, worker)
    next_ms = next_due()
elseif redis.call('EXISTS', LANE_READY) == 1 then
    wake(LANE_IDLE, LANE_READY)
end
return {now, next_ms, ids, payloads, notes, aborts}
