-- claim: lease up to N due jobs of one lane to a worker.
-- ARGV  1 worker   2 token of this claim   3 lane: 'io' takes from QUEUE, 'cpu' from CPU   4 lease_ms
--       5 limit   6 max_bytes of a payload   7 scan: how many due jobs to look at, at the most
-- RETURNS  {now_ms, ms of the next job that is not due yet or -1, then for each job: id, payload, tries used,
--          crash note, score, abort_ms}; a payload that is gone is false, one over max_bytes is its length (a number)
-- OWNERSHIP  until now_ms + lease_ms, or longer as long as it is renewed, only this token may end the job.
-- A job that somebody runs is passed over and not moved: an arq worker keeps its jobs due while it runs them.
local worker, token, lane = ARGV[1], ARGV[2], ARGV[3]
local lease_ms, limit, max_bytes, scan = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local source = lane == 'cpu' and CPU or QUEUE
even_when_full()
local now = now_ms()
local any_abort = aborts_are_asked()
local reply, leased, held = {now, -1}, {}, {}
local taken, offset = 0, 0

-- arq's abort() gives a job the score 1 and leaves its request in a second step: wait for that.
local function abort_is_coming(id, score, abort_ms)
    if score == 1 and not abort_ms then
        redis.call('ZADD', source, ms(now + 1000), id)
        return true
    end
    return false
end

local function take(id, score, values, at)
    local abort_ms = any_abort and redis.call('ZSCORE', ABORT, id) or false
    if abort_is_coming(id, score, abort_ms) then
        return
    end
    local payload, crash = values[at + 1], values[at + 3]
    if score % 1 == LEASED_MARK then
        crash = note_crash(id, 'its lease ran out')
        count('crashed', 1)
    end
    if payload and #payload > max_bytes then
        payload = #payload
    end
    redis.call('SET', RUN .. id, token, 'PX', lease_ms)
    taken = taken + 1
    leased[#leased + 1] = ms(now + lease_ms + LEASED_MARK)
    leased[#leased + 1] = id
    held[#held + 1] = id
    held[#held + 1] = token
    local base = #reply
    reply[base + 1], reply[base + 2], reply[base + 3] = id, payload, values[at + 2]
    reply[base + 4], reply[base + 5], reply[base + 6] = crash, ms(math.floor(score)), abort_ms
end

local function take_page(page)
    local names = {}
    for i = 1, #page, 2 do
        local id, base = page[i], #names
        names[base + 1], names[base + 2] = RUN .. id, JOB .. id
        names[base + 3], names[base + 4] = RETRY .. id, CRASH .. id
    end
    local values = redis.call('MGET', unpack(names))
    for i = 1, #page, 2 do
        local at = (i - 1) * 2 + 1
        if values[at] then
            offset = offset + 1
        else
            take(page[i], tonumber(page[i + 1]), values, at)
        end
    end
end

local function due_page(size)
    -- What is taken gets its new score after the loop, so it still stands in front of the next page.
    return redis.call('ZRANGEBYSCORE', source, '-inf', now, 'WITHSCORES', 'LIMIT', offset + taken, size)
end

local looked, page = 0, nil
repeat
    page = due_page(math.min(limit - taken, 1000))
    looked = looked + #page / 2
    if #page > 0 then
        take_page(page)
    end
until #page == 0 or taken >= limit or looked >= scan

if taken > 0 then
    redis.call('ZADD', source, unpack(leased))
    redis.pcall('HSET', LEASES .. worker, unpack(held))
    redis.call('PEXPIRE', LEASES .. worker, 40 * lease_ms)
    count('started', taken)
end
if taken >= limit and #redis.call('ZRANGEBYSCORE', source, '-inf', now, 'LIMIT', offset, 1) > 0 then
    wake(lane)
elseif taken < limit then
    local next_job = redis.call('ZRANGEBYSCORE', source, '(' .. ms(now), '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
    reply[2] = next_job[2] and math.ceil(tonumber(next_job[2])) or -1
end
return reply
