-- counting: counts events of a queue and of its jobs' names.
-- KEYS  COUNTER_BUFFER, COUNTED_NAMES, UNKNOWN_NAMES, KNOWN_NAMES
-- DEFINES  counted_names, add_counts, count
-- INCLUDES  clock, counters

-- The names by which jobs are counted. Names come from outside, so their number is limited: jobs that a worker knows,
-- or has run, are counted by name, up to MOST_NAMES of them. Of names that no worker knows, the first MOST_UNKNOWN have
-- counters of their own until a worker knows them, and are shown as one until then.
local function counted_names(now)
    local MOST_NAMES, MOST_UNKNOWN = 200, 50
    local names = {}

    local function is_in(list, name)
        return type(redis.pcall('ZSCORE', list, name)) == 'string'
    end

    local function add_name(list, name)
        redis.call('ZADD', list, ms(now), name)
        redis.call('PEXPIRE', list, 30 * DAY)
        return true
    end

    local function admit_unknown(name)
        local listed = redis.pcall('ZCARD', UNKNOWN_NAMES)
        local has_room = type(listed) == 'number' and listed < MOST_UNKNOWN
        return is_in(UNKNOWN_NAMES, name) or has_room and add_name(UNKNOWN_NAMES, name)
    end

    -- Only workers that know a job report how long it ran.
    local function has_run_times(fields)
        for field in pairs(fields) do
            if string.find(field, '^r%d') then
                return true
            end
        end
        return false
    end

    function names.is_known(name)
        return is_in(KNOWN_NAMES, name)
    end

    -- Gives a name counters of its own, if there is room: a name without a count for an hour makes room.
    function names.admit(name)
        redis.pcall('ZREM', UNKNOWN_NAMES, name)
        local admitted = redis.pcall('ZCARD', COUNTED_NAMES)
        if type(admitted) ~= 'number' then
            return false
        end
        if admitted >= MOST_NAMES then
            local oldest = redis.call('ZRANGE', COUNTED_NAMES, 0, 0, 'WITHSCORES')
            if tonumber(oldest[2]) > now - HOUR then
                return false
            end
            redis.call('ZREM', COUNTED_NAMES, oldest[1])
        end
        return add_name(COUNTED_NAMES, name)
    end

    -- The name by which a job is counted.
    function names.name_for(name, fields)
        name = string.sub(name, 1, 200)
        if is_in(COUNTED_NAMES, name) then
            return name
        end
        if names.is_known(name) or has_run_times(fields) then
            return names.admit(name) and name or OTHER
        end
        return admit_unknown(name) and name or UNKNOWN
    end

    return names
end

-- Adds counts of the whole queue if the name is '', otherwise of its jobs with that name. They are buffered for a
-- second, so that a counter costs each call one command, and its six places are written once a second. A name is looked
-- up when it first occurs in a second, so that the buffer is never larger than the lists of names. Returns whether
-- anything occurred for the first time.
local function add_counts(now, name, fields)
    local second = math.floor(now / 1000)
    if redis.pcall('HGET', COUNTER_BUFFER, '') ~= '' .. second then
        flush_counters(second)
    end
    local counted, is_first = name, false
    for field, by in pairs(fields) do
        local total = redis.call('HINCRBY', COUNTER_BUFFER, field .. '\0' .. counted, by)
        if total == by and not is_first then
            is_first = true
            counted = name == '' and '' or counted_names(now).name_for(name, fields)
            if counted ~= name then
                redis.call('HDEL', COUNTER_BUFFER, field .. '\0' .. name)
                redis.call('HINCRBY', COUNTER_BUFFER, field .. '\0' .. counted, by)
            end
        end
    end
    return is_first
end

local function count(now, field, by)
    add_counts(now, '', {[field] = by})
end
