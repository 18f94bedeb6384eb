-- take: lease waiting jobs of one lane's set to a run of a move, and read everything that is moved along.
-- KEYS  JOB, RUN, RETRY, ABORT, CPU, CRASH, HISTORY, PROGRESS
-- ARGV  1 run   2 lane: 'io' takes from QUEUE, 'cpu' from CPU, 'parked' only lists members of QUEUE that are not cpu
--       jobs and whose scores are not times   3 skip: how many of the first are skipped   4 limit   5 lease_ms   6
--       most_bytes of payloads, after which no further job is taken
-- RETURNS  {now_ms, how many members the call scanned or -1 at the end of the set, of these how many run, how many of
--          them an arq worker runs, how many somebody is cancelling, how many no longer have a payload, then for each
--          job: id, payload, score, lane, tries, crash note, cancel_asked_ms, ms until its payload expires or -1, lines
--          of its history, progress}, '' for what there is none of; of what is only named, id and score alone, the lane
--          being 'none'; {-1} if another run has taken over
-- GUARANTEES  a job keeps its place and its score; for lease_ms nobody else claims it. Repeating the call takes the
--             same jobs again.
-- INCLUDES  clock, counting, ghosts, lanes, memory, moving, reads, recovery
local run, lane, skip, limit, lease_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local most_bytes = tonumber(ARGV[6])
if not is_run(run) then
    return {-1}
end
local now, token = now_ms(), token_of(run)
local source = waiting_set(lane)
local from, to = '-inf', '(' .. ms(PARKED)
if lane == 'parked' then
    from, to = ms(PARKED), '+inf'
end
local page = redis.call('ZRANGEBYSCORE', source, from, to, 'WITHSCORES', 'LIMIT', skip, limit)
local reply, looked, bytes, crashed = {now, -1, 0, 0, 0, 0}, 0, 0, 0
local RUNS, ARQ_RUNS, CANCELLING, GONE = 3, 4, 5, 6
if #page == 0 then
    return reply
end
allow_when_full()

local function add(what)
    reply[what] = reply[what] + 1
end

-- Whether somebody runs it. A key of a wrong type also blocks a token, as arq uses EXISTS.
local function is_run_by_others(id, owner)
    if not owner then
        return redis.call('EXISTS', RUN .. id) == 1
    end
    if owner == '1' then
        add(ARQ_RUNS)
    end
    return not is_token(owner)
end

-- arq's abort() may have put a cpu job's member into QUEUE, with the score 1; its due time is still in CPU.
local function place_of(id, score)
    local cpu_score = lane == 'io' and redis.pcall('ZSCORE', CPU, id)
    if type(cpu_score) == 'string' then
        return cpu_score, 'cpu'
    end
    return score, lane
end

local function list_of(key)
    local lines = redis.pcall('LRANGE', key, 0, -1)
    return lines.err and {} or lines
end

local function lease(id, score, payload, asked)
    redis.call('SET', RUN .. id, token, 'PX', lease_ms)
    local known = redis.call('MGET', RETRY .. id, CRASH .. id, PROGRESS .. id)
    local due, its_lane = place_of(id, score)
    bytes = bytes + #payload
    for _, value in ipairs({
        id, payload, due, its_lane, known[1] or '', known[2] or '', asked or '',
        redis.call('PTTL', JOB .. id), list_of(HISTORY .. id), known[3] or '',
    }) do
        reply[#reply + 1] = value
    end
end

-- A cpu job has such a score, or something that no lane ever takes.
local function name_stray(id, score)
    local due = redis.pcall('ZSCORE', CPU, id)
    if type(due) == 'string' and tonumber(due) < PARKED then
        return
    end
    for _, value in ipairs({id, '', score, 'none', '', '', '', -1, {}, ''}) do
        reply[#reply + 1] = value
    end
end

-- Returns whether the member still exists.
local function look_at(id, score)
    if lane == 'parked' then
        name_stray(id, score)
        return true
    end
    local owner = get(RUN .. id)
    if is_run_by_others(id, owner) then
        add(RUNS)
        return true
    end
    if tonumber(score) % 1 == LEASED_MARK then
        if tonumber(score) > now then
            add(RUNS) -- its token was deleted, and comes back
            return true
        end
        recover_job(id, '', 'its lease ran out', now)
        crashed = crashed + 1
        score = redis.call('ZSCORE', source, id)
    end
    local asked = redis.pcall('ZSCORE', ABORT, id)
    asked = type(asked) == 'string' and asked
    -- arq's abort() gives a job the score 1 and leaves its request in a second step.
    if tonumber(score) == 1 and not asked then
        add(CANCELLING)
        return true
    end
    local payload = get(JOB .. id)
    if payload then
        lease(id, score, payload, asked)
    elseif drop_ghost(id) then
        return false
    else
        add(GONE)
    end
    return true
end

for at = 1, #page, 2 do
    if bytes >= most_bytes then
        break
    end
    if look_at(page[at], page[at + 1]) then
        looked = looked + 1
    end
end
reply[2] = looked
if crashed > 0 then
    count(now, 'crashed', crashed)
end
return reply
