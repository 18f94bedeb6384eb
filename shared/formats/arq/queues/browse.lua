-- browse: read a page of a queue's jobs and what is known about each.
-- KEYS  QUEUE, JOB, RUN, RETRY, ABORT, CPU, WORKERS, LEASES, CRASH
-- ARGV  1 state: 'queued', 'deferred' or 'running'   2 limit   3 head: bytes to read of a payload's beginning
--       4 tail: bytes to read of its end
--       5 io_score and   6 io_id: after which job of QUEUE the page begins, '' for its beginning
--       7 cpu_score and   8 cpu_id: the same in CPU
--       9 skip: how many running jobs were on earlier pages
-- RETURNS  {now_ms, places: the next page's arguments 5 to 9, or none if this is the last one, then for each job: id,
--          lane, score, worker, token, tries, crash note, cancel_asked_ms, bytes of its payload or -1, head, tail}
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock, lanes
local state, limit, head, tail, skip = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[9])
local CHUNK, MOST = 500, 10000
local now = now_ms()

-- Scores are compared and returned as Redis formats them.
local function walk(lane, score, id)
    local source = lane == 'cpu' and CPU or QUEUE
    local due = redis.pcall('ZCOUNT', source, '-inf', ms(now))
    if type(due) ~= 'number' then
        return {jobs = {}, score = '', id = ''}
    end
    local at, stop = 0, due
    if state == 'deferred' then
        at, stop = due, redis.call('ZCOUNT', source, '-inf', '(' .. ms(PARKED))
    end
    if score ~= '' then
        local is_there = redis.call('ZSCORE', source, id) == score
        local after = is_there and redis.call('ZRANK', source, id) + 1 or redis.call('ZCOUNT', source, '-inf', '(' .. score)
        at = math.max(at, after)
    end
    local found = {jobs = {}, lane = lane, score = score, id = id}
    local first = at
    while at < stop and #found.jobs < limit and at - first < MOST do
        local page = redis.call('ZRANGE', source, at, math.min(at + CHUNK, stop) - 1, 'WITHSCORES')
        for i = 1, #page, 2 do
            found.id, found.score, at = page[i], page[i + 1], at + 1
            -- Running jobs are among the deferred ones until their leases end.
            if state == 'queued' or tonumber(page[i + 1]) % 1 ~= LEASED_MARK then
                found.jobs[#found.jobs + 1] = {id = page[i], score = page[i + 1], lane = lane}
                if #found.jobs == limit then
                    break
                end
            end
        end
        if #page == 0 then
            break
        end
    end
    found.more = at < stop
    return found
end

-- The first `limit` jobs of both lanes by score, and the place reached in each lane.
local function merge(io, cpu)
    local jobs, i, c = {}, 1, 1
    while #jobs < limit and (io.jobs[i] or cpu.jobs[c]) do
        local a, b = io.jobs[i], cpu.jobs[c]
        if a and (not b or tonumber(a.score) <= tonumber(b.score)) then
            jobs[#jobs + 1], i = a, i + 1
        else
            jobs[#jobs + 1], c = b, c + 1
        end
    end
    local places, more = {}, false
    for at, lane in ipairs({{io, i, ARGV[5], ARGV[6]}, {cpu, c, ARGV[7], ARGV[8]}}) do
        local found, next_at = lane[1], lane[2]
        local last = found.jobs[next_at - 1]
        local base = 2 * at - 1
        if not found.jobs[next_at] then
            places[base], places[base + 1] = found.score, found.id
            more = more or found.more
        else
            places[base], places[base + 1] = last and last.score or lane[3], last and last.id or lane[4]
            more = true
        end
    end
    places[5] = 0
    return jobs, more and places or {}
end

-- What workers hold, worker by worker; a lease without the job's current token does not count.
local function held()
    local jobs, passed = {}, 0
    for _, worker in ipairs(redis.call('ZRANGE', WORKERS, 0, 999)) do
        local leased = redis.pcall('HLEN', LEASES .. worker)
        leased = type(leased) == 'number' and leased or 0
        if passed + leased > skip and #jobs < limit then
            local leases = redis.call('HGETALL', LEASES .. worker)
            for i = 1, #leases, 2 do
                passed = passed + 1
                if passed > skip and #jobs < limit then
                    skip = passed
                    jobs[#jobs + 1] = {id = leases[i], worker = worker, held = leases[i + 1]}
                end
            end
        else
            passed = passed + leased
        end
    end
    return jobs, passed > skip and {'', '', '', '', skip} or {}
end

local jobs, places
if state == 'running' then
    jobs, places = held()
else
    jobs, places = merge(walk('io', ARGV[5], ARGV[6]), walk('cpu', ARGV[7], ARGV[8]))
end

local reply = {now, places}

local function read_payload(id)
    local size = redis.pcall('STRLEN', JOB .. id)
    if type(size) ~= 'number' or size == 0 then
        return size == 0 and redis.call('EXISTS', JOB .. id) == 1 and 0 or -1, '', ''
    end
    local beginning = redis.call('GETRANGE', JOB .. id, 0, head - 1)
    return size, beginning, size > head and redis.call('GETRANGE', JOB .. id, -tail, -1) or ''
end

local function describe(job)
    local id = job.id
    local known = redis.call('MGET', RUN .. id, RETRY .. id, CRASH .. id)
    if job.held and job.held ~= known[1] then
        return
    end
    local size, beginning, ending = read_payload(id)
    local base = #reply
    reply[base + 1], reply[base + 2], reply[base + 3] = id, job.lane or lane_of(id), job.score or ''
    reply[base + 4], reply[base + 5], reply[base + 6] = job.worker or '', known[1] or '', known[2] or ''
    reply[base + 7], reply[base + 8] = known[3] or '', redis.pcall('ZSCORE', ABORT, id)
    if type(reply[base + 8]) ~= 'string' then
        reply[base + 8] = ''
    end
    reply[base + 9], reply[base + 10], reply[base + 11] = size, beginning, ending
end

for _, job in ipairs(jobs) do
    describe(job)
end
return reply
