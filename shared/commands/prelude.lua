-- prelude: what every script starts with, after the key names.
-- One clock for all: times are Redis' own, in ms.
-- A script that fails half-way is not rolled back, so nothing may fail after its first write. What belongs to a job is
-- read by MGET, which takes a key of a wrong type for none, and written by SET and DEL, which replace it. A script
-- that puts jobs into QUEUE asks for its type before. What only informs people, wakes workers or saves time goes by
-- pcall: a key of a wrong type there stops no job.
local HOUR = 3600000
local DAY = 24 * HOUR
local WEEK = 7 * DAY
local CENTURY = 36525 * DAY

local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function now_us()
    local time = redis.call('TIME')
    return time[1] * 1000000 + time[2]
end

-- A score or a time as Redis wants it: never in Lua's own 1.4e+15 notation.
local function ms(number)
    if number == math.floor(number) then
        return string.format('%.0f', number)
    end
    return string.format('%.1f', number)
end

-- A time to live, given as text or number: Redis refuses one that it cannot add to its clock.
local function ttl(given)
    return tonumber(given) < CENTURY and given or CENTURY
end

-- Sees to it that the payload of a job lasts for so long yet: its own time is for jobs that have not started.
local function keep_payload(id, least_ms)
    local left_ms = redis.call('PTTL', JOB .. id)
    if left_ms >= 0 and left_ms < least_ms then
        redis.call('PEXPIRE', JOB .. id, ttl(least_ms))
    end
end

local function get(key)
    return redis.call('MGET', key)[1]
end

local function prefixed(prefix, ids)
    local names = {}
    for i, id in ipairs(ids) do
        names[i] = prefix .. id
    end
    return names
end

-- Tell one idle worker of a lane that there is work. At most one note lies there, so that a thousand enqueues
-- leave one note and a note wakes one worker; a worker that finds more than it takes writes the next note.
local function wake(lane)
    local list = lane == 'cpu' and WAKE_CPU or WAKE
    if redis.pcall('LLEN', list) == 0 then
        redis.call('RPUSH', list, 1)
        redis.call('PEXPIRE', list, 60000)
    end
end

local OTHER, UNKNOWN = '(other)', '(unknown)'

-- The counters of a key, none where it is of a wrong type.
local function counters_in(key)
    local fields = redis.pcall('HGETALL', key)
    return fields.err and {} or fields
end

-- Counters are for people. What is counted has a hash since the first job, one for each minute of a day, and one for
-- each second of ten minutes: a queue, and its jobs of each name. This adds to them what has gathered, and begins anew.
-- Each function of the prelude costs each call; what is done once a second has its functions inside.
local function settle_counters(next_second)
    local function add_to(key, fields, keep_ms, renews)
        local last, is_new
        for field, by in pairs(fields) do
            last = redis.pcall('HINCRBY', key, field, by)
            is_new = is_new or last == by
        end
        if is_new or renews and type(last) == 'number' then
            redis.call('PEXPIRE', key, keep_ms)
        end
        return is_new
    end

    local function tally(second, name, fields)
        local mine = name == '' and '' or ':' .. name
        add_to(SECOND .. second .. mine, fields, 600000)
        local is_new = add_to(MINUTE .. math.floor(second / 60) .. mine, fields, DAY + 3600000)
        add_to(STATS .. mine, fields, 30 * DAY, is_new)
        if is_new and name ~= '' then
            redis.pcall('ZADD', NAMES, 'XX', second .. '000', name)
            redis.call('PEXPIRE', NAMES, 30 * DAY)
        end
    end

    local function listed_names()
        local listed = {[''] = true, [UNKNOWN] = true}
        for _, names in ipairs({redis.pcall('ZRANGE', NAMES, 0, 199), redis.pcall('ZRANGE', HEARD, 0, 49)}) do
            for _, name in ipairs(names) do
                listed[name] = true
            end
        end
        return listed
    end

    -- LIVE has a field for each counter and job name, joined by NUL: its jobs are counted for the queue too, but for
    -- their crashes, which the queue has counted when they were seen. The field '' is the second in which all that was.
    local function fields_by_name(live, listed)
        local by_name, second = {}, nil
        local function add(name, field, by)
            local fields = by_name[name] or {}
            by_name[name] = fields
            fields[field] = (fields[field] or 0) + by
        end
        for at = 1, #live, 2 do
            local field, name = string.match(live[at], '^([%w_]+)%z(.*)$')
            if not field then
                second = tonumber(live[at + 1])
            else
                add(listed[name] and name or OTHER, field, live[at + 1])
                if name ~= '' and field ~= 'crashed' then
                    add('', field, live[at + 1])
                end
            end
        end
        return by_name, second
    end

    local by_name, second = fields_by_name(counters_in(LIVE), listed_names())
    redis.call('DEL', LIVE)
    if second then
        for name, fields in pairs(by_name) do
            tally(second, name, fields)
        end
    end
    redis.call('HSET', LIVE, '', next_second)
    redis.call('PEXPIRE', LIVE, 30 * DAY)
end

-- By which names jobs are counted. Names come from outside, and there must be an end to them: what a worker knows, or
-- has run, is counted by its name, up to MOST_NAMES of them; of what nobody is known to know, the first MOST_HEARD
-- names are kept apart in HEARD until a worker knows them, and told as one meanwhile.
local function naming(now)
    local MOST_NAMES, MOST_HEARD = 200, 50
    local rules = {}

    local function is_in(list, name)
        return type(redis.pcall('ZSCORE', list, name)) == 'string'
    end

    local function add_name(list, name)
        redis.call('ZADD', list, ms(now), name)
        redis.call('PEXPIRE', list, 30 * DAY)
        return true
    end

    local function hear_of(name)
        local heard = redis.pcall('ZCARD', HEARD)
        return is_in(HEARD, name) or type(heard) == 'number' and heard < MOST_HEARD and add_name(HEARD, name)
    end

    -- Only a worker that knows a job tells how long it ran.
    local function tells_of_run(fields)
        for field in pairs(fields) do
            if string.find(field, '^r%d') then
                return true
            end
        end
        return false
    end

    function rules.is_known(name)
        return is_in(KNOWN, name)
    end

    -- Counts a name apart from now on, where there is room. One of which nothing was counted for an hour makes room.
    function rules.admit(name)
        redis.pcall('ZREM', HEARD, name)
        local admitted = redis.pcall('ZCARD', NAMES)
        if type(admitted) ~= 'number' then
            return false
        end
        if admitted >= MOST_NAMES then
            local oldest = redis.call('ZRANGE', NAMES, 0, 0, 'WITHSCORES')
            if tonumber(oldest[2]) > now - HOUR then
                return false
            end
            redis.call('ZREM', NAMES, oldest[1])
        end
        return add_name(NAMES, name)
    end

    -- The name that a job is counted by.
    function rules.counted(name, fields)
        name = string.sub(name, 1, 200)
        if is_in(NAMES, name) then
            return name
        end
        if rules.is_known(name) or tells_of_run(fields) then
            return rules.admit(name) and name or OTHER
        end
        return hear_of(name) and name or UNKNOWN
    end

    return rules
end

-- Counts of a whole queue where the name is '', else of its jobs of that name. They gather for a second first: a
-- counter then costs each call one command, and the six that it stands in are written once a second. A name is looked
-- up when it comes for the first time in a second, so that LIVE stays as small as the list of names is, however many
-- come. Gives whether anything came for the first time.
local function gather(now, name, fields)
    local second = math.floor(now / 1000)
    if redis.pcall('HGET', LIVE, '') ~= '' .. second then
        settle_counters(second)
    end
    local counted, is_first = name, false
    for field, by in pairs(fields) do
        local total = redis.call('HINCRBY', LIVE, field .. '\0' .. counted, by)
        if total == by and not is_first then
            is_first = true
            counted = name == '' and '' or naming(now).counted(name, fields)
            if counted ~= name then
                redis.call('HDEL', LIVE, field .. '\0' .. name)
                redis.call('HINCRBY', LIVE, field .. '\0' .. counted, by)
            end
        end
    end
    return is_first
end

local function count(now, field, by)
    gather(now, '', {[field] = by})
end

-- Lists the queue, so that people see what waits there, also where no worker serves it. Names of queues come from outside
-- too: of the list go those that nobody has used for a week and that hold no job, and the longest unused where it gets
-- too long. pcall: in a cluster this key may lie on another node. Then it is not kept, and all else must be.
local function list_queue(now, tidies)
    local MOST_QUEUES = 1000
    local added = redis.pcall('ZADD', QUEUES, ms(now), QUEUE)
    redis.pcall('PEXPIRE', QUEUES, WEEK)
    if type(added) ~= 'number' or added == 0 and not tidies then
        return
    end
    if redis.call('ZCARD', QUEUES) > MOST_QUEUES then
        redis.call('ZREM', QUEUES, redis.call('ZRANGE', QUEUES, 0, 0)[1])
    end
    for _, queue in ipairs(redis.call('ZRANGEBYSCORE', QUEUES, '-inf', ms(now - WEEK), 'LIMIT', 0, 10)) do
        if redis.pcall('EXISTS', queue) == 1 then
            redis.call('ZADD', QUEUES, ms(now), queue)
        else
            redis.call('ZREM', QUEUES, queue)
        end
    end
end

-- Whether anybody wants any job aborted.
local function aborts_are_asked()
    return redis.call('TYPE', ABORT).ok == 'zset'
end

-- What rarely happens to a job is told in its trail, for people: when, what, and a few words. Nothing is told of a job
-- that simply ends well.
local function tell(id, what, words, keep_ms)
    redis.pcall('RPUSH', TRAIL .. id, ms(now_ms()) .. ' ' .. what .. ' ' .. words)
    redis.pcall('LTRIM', TRAIL .. id, -20, -1)
    redis.call('PEXPIRE', TRAIL .. id, ttl(keep_ms or DAY))
end

-- Writes the note of one more crash of a job and of what is known of it.
local function note_crash(id, what)
    local before = get(CRASH .. id)
    local crashes = (before and tonumber(string.match(before, '^%d+')) or 0) + 1
    local note = crashes .. ' ' .. what
    redis.call('SET', CRASH .. id, note, 'PX', WEEK)
    tell(id, 'crashed', what)
    return note
end

-- The lane that a job waits for.
local function lane_of(id)
    return type(redis.pcall('ZSCORE', CPU, id)) == 'string' and 'cpu' or 'io'
end

-- Where a job waits: a cpu job's due time stands in CPU, and its place in QUEUE is parked. An io job must not stand in
-- CPU as well, or cpu lanes would take it too.
local function place(id, lane, due)
    if lane == 'cpu' and type(redis.pcall('ZADD', CPU, due, id)) == 'number' then
        redis.call('ZADD', QUEUE, PARKED, id)
    else
        redis.call('ZADD', QUEUE, due, id)
        redis.pcall('ZREM', CPU, id)
    end
end

-- Runs that a call ends are told of in kinds, KIND values each from ARGV[first] on, so that a job need only name its
-- kind's number: job name, what it came to ('dead' is a failure that leaves a letter), the buckets of how long it waited
-- and ran ('' where it did not run), how many the worker knows of the kind, all their waits and all their runs in ms,
-- how often each of them had crashed before, and for people the lane that they ran in ('' is the event loop).
local KIND = 9

local function add_kind(at, runs, by_name)
    local name, came_to = ARGV[at], ARGV[at + 1]
    local fields = by_name[name] or {}
    by_name[name] = fields
    local function add(field, by)
        if by > 0 then
            fields[field] = (fields[field] or 0) + by
        end
    end
    if came_to == 'dead' then
        add('dead', runs)
        came_to = 'failed'
    end
    add(came_to, runs)
    add('crashed', runs * ARGV[at + 7])
    if ARGV[at + 2] ~= '' then
        -- Some of a kind may not be the worker's any more: their part of the sums is left out.
        local part = runs / ARGV[at + 4]
        add('w' .. ARGV[at + 2], runs)
        add('r' .. ARGV[at + 3], runs)
        add('ws', math.floor(part * ARGV[at + 5]))
        add('rs', math.floor(part * ARGV[at + 6]))
    end
end

-- `runs_of` says how many runs each kind had.
local function count_runs(now, first, runs_of)
    local by_name = {}
    for kind, runs in pairs(runs_of) do
        add_kind(first + kind * KIND, runs, by_name)
    end
    for name, fields in pairs(by_name) do
        gather(now, name, fields)
    end
end

local function source_of(lane)
    return lane == 'cpu' and CPU or QUEUE
end

-- The due time of a job that comes back and has not ended: before all that waits, as it stood when it was claimed.
-- Behind a backlog it would be the last, and has waited longest.
local function head(lane, now)
    local source = source_of(lane)
    local first = redis.pcall('ZRANGEBYSCORE', source, '(1', ms(now), 'WITHSCORES', 'LIMIT', 0, 1)
    return ms(math.floor(first[2] or now))
end

-- Frees a job that a worker held which is gone, and counts the crash; true where it did. Where the lease has run out
-- meanwhile, its mark tells that nobody has claimed the job since.
local function free_lost(id, token, what, now)
    local key, lane = RUN .. id, lane_of(id)
    local owner, source = get(key), source_of(lane)
    if owner ~= token then
        local score = not owner and redis.pcall('ZSCORE', source, id)
        if type(score) ~= 'string' or tonumber(score) % 1 ~= LEASED_MARK or tonumber(score) > now then
            return false
        end
    end
    note_crash(id, what)
    place(id, lane, head(lane, now))
    redis.call('DEL', key)
    wake(lane)
    return true
end

-- Redis refuses what may grow memory when it is full, but not to a script that has written already. Scripts that
-- lead to memory being freed, by letting jobs run and end, begin with this.
local function even_when_full()
    redis.call('DEL', BASE .. 'none')
end

-- Programs of arq's users delete all in-progress keys when they start. As long as a lease lasts nobody can have claimed
-- the job since, nor ended it: what stands in its queue is the lease's end. So whoever holds it gets his token back; but
-- not a worker that gave no sign of life for a lease, as it may be another's that lasts.
local function regains(id, token, worker)
    local silent_from = redis.pcall('ZSCORE', WORKERS, worker)
    if type(silent_from) == 'string' and tonumber(silent_from) <= now_ms() then
        return false
    end
    local source = source_of(lane_of(id))
    local score = redis.pcall('ZSCORE', source, id)
    local left_ms = type(score) == 'string' and tonumber(score) - LEASED_MARK - now_ms() or 0
    if left_ms <= 0 or tonumber(score) % 1 ~= LEASED_MARK or redis.pcall('HGET', LEASES .. worker, id) ~= token then
        return false
    end
    if redis.call('EXISTS', RUN .. id) == 1 then
        return false -- of a wrong type
    end
    even_when_full()
    redis.call('SET', RUN .. id, token, 'PX', ms(left_ms))
    return true
end

-- Which of the jobs given in ARGV as strides of {id, token, ...} still carry the token of their claim: their
-- positions in ARGV, and the ids of the others. (One call after a first that went through finds its jobs among
-- the others: only the caller knows whether it has called before.)
local function owned(first, stride, worker)
    local ids = {}
    for at = first, #ARGV, stride do
        ids[#ids + 1] = ARGV[at]
    end
    local mine, lost = {}, {}
    if #ids == 0 then
        return mine, lost
    end
    local tokens = redis.call('MGET', unpack(prefixed(RUN, ids)))
    for i, id in ipairs(ids) do
        local at = first + (i - 1) * stride
        if tokens[i] == ARGV[at + 1] or not tokens[i] and regains(id, ARGV[at + 1], worker) then
            mine[#mine + 1] = at
        else
            lost[#lost + 1] = id
            if redis.pcall('HGET', LEASES .. worker, id) == ARGV[at + 1] then
                redis.call('HDEL', LEASES .. worker, id)
                count(now_ms(), 'lost', 1)
            end
        end
    end
    return mine, lost
end
