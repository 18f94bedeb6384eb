-- claim: lease up to N due jobs of one lane to a worker.
-- KEYS  QUEUE, JOB, RUN, RETRY, ABORT, CPU, LEASES, REVOKED, CRASH, PAUSED
-- ARGV  1 worker   2 token of this claim   3 lane: 'io' takes from QUEUE, 'cpu' from CPU   4 lease_ms
--       5 limit   6 max_bytes of a payload   7 scan: how many due jobs to look at, at most
--       8 max_reply: bytes of payloads after which no further job is taken
--       9 alone: a job with this many crashes is claimed alone; '' for no such rule
-- RETURNS  {now_ms, ms of the next job that is not due yet or -1, jobs: id and score of each, payloads, tries used,
--          crash notes, cancel_asked_ms}; only the first two if no job was taken, and false for each of the last three
--          lists that is empty; a payload that is gone is false, one over max_bytes is its length (a number)
-- GUARANTEES  until now_ms + lease_ms, or longer as long as it is renewed, only this token may end the job. A paused
--             queue gives none. A job that somebody runs is skipped and not moved: an arq worker keeps its jobs due
--             while it runs them.
-- INCLUDES  careful, clock, counting, members, memory, wake
local worker, token, lane, lease_ms, max_bytes = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[6]
local limit, max_reply = tonumber(ARGV[5]), tonumber(ARGV[8])
local source = lane == 'cpu' and CPU or QUEUE
local now, now_text = now_and_text()

-- Resuming the queue wakes the workers. A revoked claim, or one of a dead worker, was delayed by the network: nobody
-- would run the jobs that it takes.
if redis.call('EXISTS', PAUSED, REVOKED .. token, REVOKED .. worker) > 0 then
    return {now, -1}
end

-- When the next job is due, or its lease ends; -1 for none. Jobs that others run may be due before it.
local function next_due()
    local next_job = redis.call('ZRANGEBYSCORE', source, '(' .. now_text, '+inf', 'WITHSCORES', 'LIMIT', '0', '1')
    local due = next_job[2] and tonumber(next_job[2]) or PARKED
    return due < PARKED and math.ceil(due) or -1
end

-- One more than there are slots for: it shows whether there is work for another worker.
local page = redis.call('ZRANGEBYSCORE', source, '-inf', now_text, 'WITHSCORES', 'LIMIT', '0', limit + 1)
if #page == 0 then
    return {now, next_due()}
end
allow_when_full()
if limit < 1 then
    wake(lane)
    return {now, -1}
end

-- Reads the state of all jobs of the page at once. If none is unusual, all are taken as they are. An unusual job is run
-- by somebody, has crashed, or has a score that is not a plain time in ms, but that of a lease or an abort.
local found = math.min(#page / 2, limit)
local names, payloads = {}, {}
for i = 1, found do
    names[i] = RUN .. page[2 * i - 1]
end
for i = 1, found do
    names[found + i] = CRASH .. page[2 * i - 1]
end
for i = 1, found do
    names[2 * found + i] = RETRY .. page[2 * i - 1]
end
local known = redis.call('MGET', unpack(names))
local is_plain, size, bytes, tries = redis.call('EXISTS', ABORT) == 0, found, 0, false
for i = 1, found do
    if known[i] or known[found + i] or #page[2 * i] ~= 13 then
        is_plain = false
        break
    end
    tries = tries or known[2 * found + i] and {}
end
if is_plain then
    local largest = tonumber(max_bytes)
    for i = 1, found do
        local payload = redis.pcall('GETRANGE', JOB .. page[2 * i - 1], '0', max_bytes)
        if type(payload) ~= 'string' or payload == '' or #payload > largest then
            is_plain = false
            break
        end
        payloads[i], bytes = payload, bytes + #payload
        if bytes >= max_reply then
            size = i
            break
        end
    end
end

local reply = {now, -1, page, payloads, tries, false, false}
local has_room, has_more, crashed = size == found and found < limit, #page > 2 * size, 0
if is_plain then
    for i = #page, 2 * size + 1, -1 do
        page[i] = nil
    end
    for i = 1, tries and size or 0 do
        tries[i] = known[2 * found + i]
    end
else
    for i = #page, 2 * found + 1, -1 do
        page[i] = nil
    end
    local asked = {token = token, limit = limit, max_bytes = max_bytes, max_reply = max_reply}
    asked.scan, asked.alone = tonumber(ARGV[7]), tonumber(ARGV[9])
    local taken = take_carefully(source, page, now, asked)
    page, size, has_room, crashed = taken.jobs, #taken.jobs / 2, taken.has_room, taken.crashed
    reply = {now, -1, page, taken.payloads, taken.tries, taken.crashes, taken.aborts}
    -- The taken jobs are still among them.
    has_more = #redis.call('ZRANGEBYSCORE', source, '-inf', now_text, 'LIMIT', taken.passed + size, 1) > 0
end

-- Leases the taken jobs.
if size > 0 then
    local score = ms(now + lease_ms) .. LEASED_DIGITS
    local leased, held, runs = {}, {}, {}
    -- A value of more than 64 bytes makes it a hash table. Redis keeps a small hash as a list, in which each job would
    -- be a linear search.
    if size > 16 then
        held[1], held[2] = page[1], string.rep('x', 65)
    end
    local base = #held
    for i = 1, 2 * size, 2 do
        local id = page[i]
        leased[i], leased[i + 1] = score, id
        held[base + i], held[base + i + 1] = id, token
        runs[i], runs[i + 1] = RUN .. id, token
    end
    if size == 1 then
        redis.call('SET', runs[1], token, 'PX', lease_ms)
    else
        redis.call('MSET', unpack(runs))
        for i = 1, 2 * size, 2 do
            redis.call('PEXPIRE', runs[i], lease_ms)
        end
    end
    add_members(source, leased)
    redis.pcall('HSET', LEASES .. worker, unpack(held))
    redis.call('PEXPIRE', LEASES .. worker, 40 * lease_ms)
    count(now, 'started', size)
end
if crashed > 0 then
    count(now, 'crashed', crashed)
end
if has_room then
    reply[2] = next_due()
elseif has_more then
    wake(lane)
end
return size > 0 and reply or {now, reply[2]}
