-- counters: where counts of a queue and of its jobs' names are kept.
-- KEYS  STATS, COUNTER_BUFFER, MINUTE, SECOND, COUNTED_NAMES, UNKNOWN_NAMES
-- DEFINES  OTHER, UNKNOWN, counters_in, flush_counters
-- INCLUDES  clock
local OTHER, UNKNOWN = '(other)', '(unknown)'

-- The counters of a key; none if it has a wrong type.
local function counters_in(key)
    local fields = redis.pcall('HGETALL', key)
    return fields.err and {} or fields
end

-- Counters are for display only. A queue, and its jobs of each name, have a hash since the first job, one for each minute of
-- a day, and one for each second of ten minutes. This adds the counts of the buffer to them and empties it. Each
-- function of a piece costs every call, so those for work done once a second are inside.
local function flush_counters(next_second)
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

    local function store(second, name, fields)
        local mine = name == '' and '' or ':' .. name
        add_to(SECOND .. second .. mine, fields, 600000)
        local is_new = add_to(MINUTE .. math.floor(second / 60) .. mine, fields, DAY + 3600000)
        add_to(STATS .. mine, fields, 30 * DAY, is_new)
        if is_new and name ~= '' then
            redis.pcall('ZADD', COUNTED_NAMES, 'XX', second .. '000', name)
            redis.call('PEXPIRE', COUNTED_NAMES, 30 * DAY)
        end
    end

    local function listed_names()
        local listed = {[''] = true, [UNKNOWN] = true}
        local counted = redis.pcall('ZRANGE', COUNTED_NAMES, 0, 199)
        local unknown = redis.pcall('ZRANGE', UNKNOWN_NAMES, 0, 49)
        for _, names in ipairs({counted, unknown}) do
            for _, name in ipairs(names) do
                listed[name] = true
            end
        end
        return listed
    end

    -- The buffer has a field for each counter and job name, joined by NUL. Jobs of a name are counted for the queue
    -- too, except for their crashes, which the queue counted when they were seen. The field '' is the second of all
    -- counts.
    local function fields_by_name(buffered, listed)
        local by_name, second = {}, nil
        local function add(name, field, by)
            local fields = by_name[name] or {}
            by_name[name] = fields
            fields[field] = (fields[field] or 0) + by
        end
        for at = 1, #buffered, 2 do
            local field, name = string.match(buffered[at], '^([%w_]+)%z(.*)$')
            if not field then
                second = tonumber(buffered[at + 1])
            else
                add(listed[name] and name or OTHER, field, buffered[at + 1])
                if name ~= '' and field ~= 'crashed' then
                    add('', field, buffered[at + 1])
                end
            end
        end
        return by_name, second
    end

    local by_name, second = fields_by_name(counters_in(COUNTER_BUFFER), listed_names())
    redis.call('DEL', COUNTER_BUFFER)
    if second then
        for name, fields in pairs(by_name) do
            store(second, name, fields)
        end
    end
    redis.call('HSET', COUNTER_BUFFER, '', next_second)
    redis.call('PEXPIRE', COUNTER_BUFFER, 30 * DAY)
end
