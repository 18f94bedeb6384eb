-- claim: give jobs of one lane queue to an incarnation of a worker.
-- KEYS  meta, payloads, held, leases, gone, lane_queued, lane_deferred, lane_idle, notes, cancels, live, absent
-- ARGV  1 incarnation   2 worker   3 token: letter of the lane queue, 'i' or 'c', and number of the claim
--       4 limit (0 takes none)   5 lease_ms   6 limits of a job: the most bytes of a payload that are returned, and
--       with how many crashes it is claimed alone ('' for no such rule)   7 flags: 'f' if the incarnation has not
--       been seen yet, 'a' if the claim may have been executed before   8 how many shards the worker knows, left
--       out for 1
-- RETURNS  {now_ms, ms of the next deferred job or -1, ids, payloads, notes, cancels}; the lists only if a job was
--          taken, and notes and cancels only if a job has any. A payload over max_bytes is its length (a number). {-1}
--          if the incarnation has ended for good, {-2} if the queue is of a later version, {-4, shards, before, opened}
--          if it has more shards; a repeated claim is not refused for that.
-- GUARANTEES  a number takes jobs once: a repeated claim returns those still held under it, and renews the lease. A
--             taken job is in `held` and nowhere else. A claim after its incarnation's end takes nothing.
-- INCLUDES  careful, clock, counting, opening, order, types, version, wake
local incarnation, worker, token, limit, lease_ms, flags = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5], ARGV[7]
local newest, number = '\0' .. string.sub(token, 1, 1), string.sub(token, 2)
local me = redis.call('HMGET', HELD, '\0', newest)
local known = redis.call('HMGET', META, 'v', 'paused', 'second')
if known[1] and known[1] ~= VERSION then
    local refusal = refusal_of(known[1], ARGV[8])
    if refusal and (refusal[1] == -2 or refusal[1] == -4 and flags ~= 'a' and flags ~= 'fa') then
        return refusal
    end
end
if not me[1] and flags ~= 'f' and flags ~= 'fa' then
    return {-1}
end
local now, now_text = now_and_text()

-- Only one worker waits for the time at which the next deferred job is due.
local function next_due(first)
    if not first[1] then
        return -1
    end
    local due, timer = tonumber(first[2]), 'timer:' .. string.sub(token, 1, 1)
    local keeper, until_ms = string.match(redis.call('HGET', META, timer) or '', '^(.*) (%d+)$')
    if keeper and keeper ~= worker and tonumber(until_ms) >= now and tonumber(until_ms) <= due then
        return due + 250
    end
    redis.pcall('HSET', META, timer, worker .. ' ' .. whole(due))
    return due
end

local is_repeated = me[1] and me[2] and tonumber(number) <= tonumber(me[2])
if is_repeated then
    if tonumber(number) < tonumber(me[2]) then
        return {now, -1}
    end
    local all, ids, payloads = redis.call('HGETALL', HELD), {}, {}
    for at = 1, #all, 2 do
        if all[at + 1] == token then
            ids[#ids + 1] = all[at]
        end
    end
    table.sort(ids)
    if #ids == 0 then
        return {now, -1}
    end
    redis.call('DEL', ABSENT)
    redis.call('ZADD', LEASES, 'XX', whole(now + lease_ms), incarnation)
    local max_bytes = tonumber(string.match(ARGV[6], '^%d+'))
    for i, id in ipairs(ids) do
        payloads[i] = payload_of(id, max_bytes)
    end
    return {now, -1, ids, payloads, redis.call('HMGET', NOTES, unpack(ids)), redis.call('ZMSCORE', CANCELS, unpack(ids))}
end
if not me[1] then
    local gone = redis.call('ZMSCORE', GONE, incarnation, worker)
    if gone[1] or gone[2] then
        return {-1}
    end
end
redis.call('ZCARD', LEASES) -- fails here, before any write, if the key has a wrong type

local function open_incarnation()
    redis.call('HSET', HELD, '\0', pad(), '\0i', '0', '\0c', '0')
    redis.call('ZADD', LEASES, whole(now + lease_ms), incarnation)
end

-- The original call may still arrive, and must find the number used.
local function bar_twin()
    if flags == 'a' or flags == 'fa' then
        redis.call('DEL', ABSENT) -- this allows what follows when Redis is out of memory
        if not me[1] then
            open_incarnation()
        end
        redis.call('HSET', HELD, newest, number)
    end
end

if known[2] or limit < 1 then
    bar_twin()
    if limit > 0 then
        redis.pcall('ZADD', LANE_IDLE, now_text, worker) -- to be woken when the queue is resumed
    end
    return {now, -1}
end
local deferred = redis.call('ZRANGE', LANE_DEFERRED, '0', '0', 'WITHSCORES')
if deferred[1] and tonumber(deferred[2]) <= now then
    -- Due deferred jobs move to the place that they would have if they had been enqueued at their due time.
    local due = redis.call('ZRANGEBYSCORE', LANE_DEFERRED, '-inf', now, 'WITHSCORES', 'LIMIT', 0, math.max(200, limit))
    local scored = {}
    check_zsets(LANE_QUEUED)
    for at = 1, #due, 2 do
        scored[at], scored[at + 1] = whole(LEVEL + stamp_of(tonumber(due[at + 1]))), due[at]
    end
    redis.call('ZREMRANGEBYRANK', LANE_DEFERRED, 0, #due / 2 - 1)
    redis.call('ZADD', LANE_QUEUED, unpack(scored))
    deferred = redis.call('ZRANGE', LANE_DEFERRED, '0', '0', 'WITHSCORES')
end
local ids = redis.call('ZRANGE', LANE_QUEUED, '0', limit - 1)
if #ids == 0 then
    bar_twin()
    settle_counters(now, known[3]) -- DUE
    redis.pcall('ZADD', LANE_IDLE, now_text, worker)
    return {now, next_due(deferred)}
end

local found, size = #ids, #ids
local rare, payloads, notes = redis.call('EXISTS', NOTES, CANCELS), nil, false
if rare > 0 then
    check_zsets(CANCELS)
    payloads, notes, size = read_carefully(ids, ARGV[6])
else
    payloads = redis.call('HMGET', PAYLOADS, unpack(ids))
    local bytes = 0
    for i = 1, size do
        if not payloads[i] then
            rare = 1
        else
            bytes = bytes + #payloads[i]
            if bytes > MOST_BYTES then
                size = i
                break
            end
        end
    end
end
redis.call('ZREMRANGEBYRANK', LANE_QUEUED, '0', size - 1)
for i = #ids, size + 1, -1 do
    ids[i], payloads[i] = nil, nil
end
local cancels = false
if rare > 0 then
    ids, payloads, notes = drop_ghosts(ids, payloads, notes)
    cancels = #ids > 0 and redis.call('EXISTS', CANCELS) == 1 and redis.call('ZMSCORE', CANCELS, unpack(ids))
end
local held = {newest, number}
for i = 1, #ids do
    local base = 2 * i
    held[base + 1], held[base + 2] = ids[i], token
end
if not me[1] then
    open_incarnation()
else
    redis.call('ZADD', LEASES, whole(now + lease_ms), incarnation)
end
redis.call('HSET', HELD, unpack(held))
settle_counters(now, known[3]) -- DUE
redis.pcall('HINCRBY', LIVE, 'started\0', #ids)
local next_ms = -1
if found < limit and size == found then
    redis.pcall('ZADD', LANE_IDLE, now_text, worker)
    next_ms = next_due(deferred)
elseif redis.call('EXISTS', LANE_QUEUED) == 1 then
    wake(LANE_IDLE, LANE_QUEUED)
end
return {now, next_ms, ids, payloads, notes, cancels}
