-- careful: takes jobs for a claim one by one, if any of them may be unusual.
-- KEYS  JOB, RUN, RETRY, ABORT, CRASH
-- DEFINES  take_carefully
-- INCLUDES  clock, ghosts, history, reads

-- Functions of a piece cost every call, so those of this rare step are inside. `page` has the first due jobs and
-- their scores. `asked` has limit, scan, max_bytes, max_reply and alone of a claim's ARGV, and its token. Returns the
-- lists of what was taken (jobs as alternating ids and scores), how many others are running, how many have crashed, and
-- whether there is room for more.
local function take_carefully(source, page, now, asked)
    local taken = {jobs = {}, payloads = {}, tries = {}, crashes = {}, aborts = {}, passed = 0, crashed = 0}
    local any_asked = cancels_are_asked()
    local size, looked, bytes, closed = 0, 0, 0, false

    local function is_full()
        return closed or size >= asked.limit or bytes >= asked.max_reply
    end

    -- A job that has killed its workers may kill another one with everything that runs there. It is claimed alone, so
    -- that no job dies from another's crashes. If others come before it, it is the first of the next claim.
    local function must_wait(crash, lease_is_over)
        local crashes = crash and tonumber(string.match(crash, '^%d+')) or 0
        if crashes + (lease_is_over and 1 or 0) ~= asked.alone then
            return false
        end
        closed = true
        return size > 0
    end

    -- arq's abort() gives a job the score 1 and leaves its request in a second step: wait for that. An arq worker that
    -- is about to take the job must look again (it watches RUN), as its Retry would add to an outdated score.
    local function wait_for_request(id)
        redis.call('SET', RUN .. id, asked.token)
        redis.call('DEL', RUN .. id)
        redis.call('ZADD', source, ms(now + 1000), id)
    end

    -- Reads no more of a payload than may be returned: Redis and Lua would copy the rest.
    local function read_payload(id)
        local payload = redis.pcall('GETRANGE', JOB .. id, '0', asked.max_bytes)
        if type(payload) ~= 'string' or payload == '' and redis.call('EXISTS', JOB .. id) == 0 then
            return false
        end
        bytes = bytes + #payload
        return #payload > tonumber(asked.max_bytes) and redis.call('STRLEN', JOB .. id) or payload
    end

    local function take(id, score, tries, crash)
        local cancel_asked_ms = any_asked and redis.call('ZSCORE', ABORT, id) or false
        if tonumber(score) == 1 and not cancel_asked_ms then
            return wait_for_request(id)
        end
        local lease_is_over = tonumber(score) % 1 == LEASED_MARK
        if asked.alone and must_wait(crash, lease_is_over) then
            return
        end
        local payload = read_payload(id)
        if not payload and drop_ghost(id) then
            return
        end
        if lease_is_over then
            crash = note_crash(id, 'its lease ran out')
            taken.crashed = taken.crashed + 1
        end
        size = size + 1
        taken.jobs[2 * size - 1], taken.jobs[2 * size] = id, score
        taken.payloads[size], taken.tries[size] = payload, tries
        taken.crashes[size], taken.aborts[size] = crash, cancel_asked_ms
    end

    -- The jobs of a page that nobody runs: their positions, and the keys of what is known about each.
    local function free_in(jobs)
        local runs, free, names = {}, {}, {}
        for at = 1, #jobs, 2 do
            runs[#runs + 1] = RUN .. jobs[at]
        end
        for i, owner in ipairs(redis.call('MGET', unpack(runs))) do
            if owner then
                taken.passed = taken.passed + 1
            else
                local id, base = jobs[2 * i - 1], #names
                free[#free + 1] = 2 * i - 1
                names[base + 1], names[base + 2] = RETRY .. id, CRASH .. id
            end
        end
        return free, names
    end

    local function take_page(jobs)
        local free, names = free_in(jobs)
        local known = #free > 0 and redis.call('MGET', unpack(names))
        for i, at in ipairs(free) do
            if is_full() then
                return
            end
            take(jobs[at], jobs[at + 1], known[2 * i - 1], known[2 * i])
        end
    end

    -- The first page has as many jobs as there are slots. Later pages come after jobs that others run, perhaps many.
    while #page > 0 do
        looked = looked + #page / 2
        take_page(page)
        if is_full() or looked >= asked.scan then
            break
        end
        -- Taken jobs get their new scores later, so they are still before the next page.
        page = redis.call('ZRANGEBYSCORE', source, '-inf', ms(now), 'WITHSCORES', 'LIMIT', taken.passed + size, 1000)
    end
    taken.has_room = not is_full()
    return taken
end
