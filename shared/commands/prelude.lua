-- prelude: what every script starts with, after the key names.
-- One clock for all: times are Redis' own, in ms.
-- A script that fails half-way is not rolled back, so nothing may fail after its first write. What belongs to a job is
-- read by MGET, which takes a key of a wrong type for none, and written by SET and DEL, which replace it. A script
-- that puts jobs into QUEUE asks for its type before. What only informs people, wakes workers or saves time goes by
-- pcall: a key of a wrong type there stops no job.
local DAY = 86400000
local WEEK = 7 * DAY
local CENTURY = 36525 * DAY

local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
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

local function count(field, by)
    redis.pcall('HINCRBY', STATS, field, by)
    redis.call('PEXPIRE', STATS, 30 * DAY)
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

-- Redis refuses what may grow memory when it is full, but not to a script that has written already. Scripts that
-- lead to memory being freed, by letting jobs run and end, begin with this.
local function even_when_full()
    redis.call('DEL', BASE .. 'none')
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
        if tokens[i] == ARGV[at + 1] then
            mine[#mine + 1] = at
        else
            lost[#lost + 1] = id
            if redis.pcall('HGET', LEASES .. worker, id) == ARGV[at + 1] then
                redis.call('HDEL', LEASES .. worker, id)
            end
        end
    end
    return mine, lost
end
