-- claim: lease up to N due jobs of one lane to a worker.
-- KEYS  QUEUE, JOB, RUN, RETRY, RESULT, ABORT, CPU, LEASES, REVOKED, CRASH, NO_RESULT, PAUSED
-- ARGV  1 worker   2 token of this claim   3 lane: 'io' takes from QUEUE, 'cpu' from CPU   4 lease_ms
--       5 limit   6 max_bytes of a payload   7 scan: how many due jobs to look at, at the most
--       8 max_reply: bytes of payloads after which no further job is taken
--       9 alone: how many crashes of a job make it come alone, as the only one of its claim; '' for none
-- RETURNS  {now_ms, ms of the next job that is not due yet or -1, then for each job: id, payload, tries used,
--          crash note, score, abort_ms}; a payload that is gone is false, one over max_bytes is its length (a number)
-- GUARANTEES  until now_ms + lease_ms, or longer as long as it is renewed, only this token may end the job. A paused
--             queue gives none. A job that somebody runs is passed over and not moved: an arq worker keeps its jobs due
--             while it runs them.
-- INCLUDES  clock, counting, history, memory, reads, wake
local worker, token, lane, lease_ms, max_bytes = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[6]
local limit, scan, max_reply = tonumber(ARGV[5]), tonumber(ARGV[7]), tonumber(ARGV[8])
local largest, alone = tonumber(max_bytes), tonumber(ARGV[9])
local source = lane == 'cpu' and CPU or QUEUE
local now = now_ms()

-- Whoever lets the queue go on wakes the workers. A revoked claim, or one of a dead worker, comes late
-- through some network: nobody would run what it takes.
if redis.call('EXISTS', PAUSED, REVOKED .. token, REVOKED .. worker) > 0 then
    return {now, -1}
end

-- An idle worker asks twice a second: one look at the first member answers it.
local first = redis.call('ZRANGE', source, 0, 0, 'WITHSCORES')
local first_ms = first[2] and tonumber(first[2]) or PARKED
if first_ms > now then
    return {now, first_ms < PARKED and math.ceil(first_ms) or -1}
end

allow_when_full()
local lease_end = ms(now + tonumber(lease_ms) + LEASED_MARK)
local any_abort = aborts_are_asked()
local reply, leased, held = {now, -1}, {}, {}
local taken, passed, looked, bytes, crashed = 0, 0, 0, 0, 0
local closed = false

local function is_full()
    return closed or taken >= limit or bytes >= max_reply
end

-- A job that has taken its workers down may take one down again, and what else runs there: it comes alone, so that no
-- job dies of another's crashes. Where others come before it, it is the first of the next claim.
local function must_wait(crash, lease_is_over)
    local crashes = crash and tonumber(string.match(crash, '^%d+')) or 0
    if crashes + (lease_is_over and 1 or 0) ~= alone then
        return false
    end
    closed = true
    return taken > 0
end

-- arq's abort() gives a job the score 1 and leaves its request in a second step: wait for that. An arq worker that is
-- about to take the job is made to look again (it watches RUN), as its Retry would add to a score that is no more.
local function wait_for_abort(id)
    redis.call('SET', RUN .. id, token)
    redis.call('DEL', RUN .. id)
    redis.call('ZADD', source, ms(now + 1000), id)
end

-- A member whose job has ended is a ghost: arq's abort() and its Retry can put one back. It must not end again.
local function drop_ghost(id)
    if redis.call('EXISTS', RESULT .. id, NO_RESULT .. id) == 0 then
        return false
    end
    redis.call('DEL', RETRY .. id, CRASH .. id)
    redis.pcall('ZREM', QUEUE, id)
    redis.pcall('ZREM', CPU, id)
    redis.pcall('ZREM', ABORT, id)
    return true
end

-- No more of a payload than may be handed over is read: Redis would need its size once more, and Lua too.
local function read_payload(id)
    local payload = redis.pcall('GETRANGE', JOB .. id, '0', max_bytes)
    if type(payload) ~= 'string' or payload == '' and redis.call('EXISTS', JOB .. id) == 0 then
        return false
    end
    bytes = bytes + #payload
    return #payload > largest and redis.call('STRLEN', JOB .. id) or payload
end

local function take(id, score, tries, crash)
    local abort_ms = any_abort and redis.call('ZSCORE', ABORT, id) or false
    if tonumber(score) == 1 and not abort_ms then
        return wait_for_abort(id)
    end
    local lease_is_over = tonumber(score) % 1 == LEASED_MARK
    if alone and must_wait(crash, lease_is_over) then
        return
    end
    local payload = read_payload(id)
    if not payload and drop_ghost(id) then
        return
    end
    if lease_is_over then
        crash = note_crash(id, 'its lease ran out')
        crashed = crashed + 1
    end
    redis.call('SET', RUN .. id, token, 'PX', lease_ms)
    local base = 2 * taken
    leased[base + 1], leased[base + 2], held[base + 1], held[base + 2] = lease_end, id, id, token
    taken = taken + 1
    base = #reply
    reply[base + 1], reply[base + 2], reply[base + 3] = id, payload, tries
    reply[base + 4], reply[base + 5], reply[base + 6] = crash, score, abort_ms
end

-- Which jobs of a page nobody runs: their positions, and the names of what is known of each.
local function free_in(page)
    local runs, free, names = {}, {}, {}
    for at = 1, #page, 2 do
        runs[#runs + 1] = RUN .. page[at]
    end
    for i, owner in ipairs(redis.call('MGET', unpack(runs))) do
        if owner then
            passed = passed + 1
        else
            local id, base = page[2 * i - 1], #names
            free[#free + 1] = 2 * i - 1
            names[base + 1], names[base + 2] = RETRY .. id, CRASH .. id
        end
    end
    return free, names
end

local function take_page(page)
    local free, names = free_in(page)
    local known = #free > 0 and redis.call('MGET', unpack(names))
    for i, at in ipairs(free) do
        if is_full() then
            return
        end
        take(page[at], page[at + 1], known[2 * i - 1], known[2 * i])
    end
end

-- The first page is as long as there are places. What follows comes after jobs that others run, perhaps many.
local page_size = math.min(limit, 1000)
repeat
    -- What is taken gets its new score after the loop, so it is still before the next page.
    local page = redis.call('ZRANGEBYSCORE', source, '-inf', now, 'WITHSCORES', 'LIMIT', passed + taken, page_size)
    looked = looked + #page / 2
    if #page > 0 then
        take_page(page)
    end
    page_size = 1000
until #page == 0 or is_full() or looked >= scan

if taken > 0 then
    redis.call('ZADD', source, unpack(leased))
    redis.pcall('HSET', LEASES .. worker, unpack(held))
    redis.call('PEXPIRE', LEASES .. worker, 40 * lease_ms)
    count(now, 'started', taken)
end
if crashed > 0 then
    count(now, 'crashed', crashed)
end
if not is_full() then
    local later, parked = '(' .. ms(now), '(' .. ms(PARKED)
    local next_job = redis.call('ZRANGEBYSCORE', source, later, parked, 'WITHSCORES', 'LIMIT', 0, 1)
    reply[2] = next_job[2] and math.ceil(tonumber(next_job[2])) or -1
elseif #redis.call('ZRANGEBYSCORE', source, '-inf', now, 'LIMIT', passed, 1) > 0 then
    wake(lane)
end
return reply
