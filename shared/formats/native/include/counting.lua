-- counting: adds the counts of the buffer to those since the first job, of each minute and of each second.
-- KEYS  meta, live
-- DUE  stats, minutes, seconds
-- DEFINES  flush_counters, settle_counters
-- INCLUDES  clock, counted_names

-- Counters are for people. A call counts by HINCRBY into the buffer LIVE, in fields `<what> NUL <job name>`, '' being
-- the queue itself: an event (`enqueued`), or how runs ended, `<status>:<wait bucket>:<run bucket>`, with '' for the
-- buckets of what did not run. The buffer belongs to the second in META and is emptied once a second. Then the counts
-- of a name and a step become one field `<step> <name>`, with the text `<counter> <count> <counter> <count>...`, so that
-- many of them are read at once.

-- Empties the buffer, whose second META has as `second`. It begins with a write that a full Redis allows.
local function flush_counters(now, second)
    local DAY = 86400000
    local this_second = math.floor(now / 1000)
    second = tonumber(second) or this_second

    local function add(fields, field, by)
        fields[field] = (fields[field] or 0) + by
    end

    local function add_what(fields, what, by)
        local status, wait, run = string.match(what, '^([%w_]+):(%d*):(%d*)$')
        if not status then
            add(fields, what, by)
            return
        end
        if status == 'dead' then
            add(fields, 'dead', by)
            status = 'failed'
        end
        add(fields, status, by)
        if run ~= '' then
            add(fields, 'w' .. wait, by)
            add(fields, 'r' .. run, by)
            fields.has_run = true
        end
    end

    local function fields_of(by_name, name)
        by_name[name] = by_name[name] or {}
        return by_name[name]
    end

    -- Jobs of a name are counted for the queue too, except for their crashes, which the queue counted when they were
    -- seen.
    local function read_buffer(buffered)
        local by_name = {}
        for at = 1, #buffered, 2 do
            local nul, by = string.find(buffered[at], '\0', 1, true), tonumber(buffered[at + 1])
            if nul and by then
                local what, name = string.sub(buffered[at], 1, nul - 1), string.sub(buffered[at], nul + 1)
                add_what(fields_of(by_name, name), what, by)
                if name ~= '' and what ~= 'crashed' then
                    add_what(fields_of(by_name, ''), what, by)
                end
            end
        end
        return by_name
    end

    -- The same by the names that are counted.
    local function fold(found, names)
        local by_name = {}
        for name, fields in pairs(found) do
            local has_run = fields.has_run
            fields.has_run = nil
            local sums = fields_of(by_name, name == '' and '' or names.name_for(name, has_run))
            for field, by in pairs(fields) do
                add(sums, field, by)
            end
        end
        return by_name
    end

    local function as_text(fields)
        local parts = {}
        for field, count in pairs(fields) do
            parts[#parts + 1] = field .. ' ' .. whole(count)
        end
        return table.concat(parts, ' ')
    end

    local function add_to(key, prefix, by_name)
        local fields, names, values = {}, {}, {}
        for name in pairs(by_name) do
            names[#names + 1], fields[#fields + 1] = name, prefix .. name
        end
        local found = redis.pcall('HMGET', key, unpack(fields))
        for at, name in ipairs(names) do
            local sums = {}
            for field, count in string.gmatch(found[at] or '', '([%w_]+) (%d+)') do
                sums[field] = tonumber(count)
            end
            for field, by in pairs(by_name[name]) do
                add(sums, field, by)
            end
            values[2 * at - 1], values[2 * at] = fields[at], as_text(sums)
        end
        redis.pcall('HSET', key, unpack(values))
    end

    -- A key of a ring has the steps of one span of time. It ends just before its next turn, whatever wrote it last, so
    -- that no turn loses what it counts. What is too old for its ring is in none.
    local function add_to_ring(ring, size, span_ms, step, by_name)
        local turn = math.floor(second * 1000 / span_ms)
        local ends_ms = (turn + size) * span_ms
        if ends_ms > now then
            local key = KEYS[ring + turn % size]
            add_to(key, step .. ' ', by_name)
            local left_ms = redis.call('PTTL', key)
            if left_ms < 0 or left_ms > size * span_ms then
                redis.call('PEXPIREAT', key, whole(ends_ms))
            end
        end
    end

    -- The pad makes it a hash table: each count would search a small hash from its beginning.
    local function empty_buffer()
        redis.call('DEL', LIVE)
        redis.call('HSET', LIVE, '\0', string.rep('x', 65))
        redis.call('PEXPIRE', LIVE, 30 * DAY)
    end

    local buffered = redis.pcall('HGETALL', LIVE)
    local found = read_buffer(buffered)
    if #buffered ~= 2 or buffered[1] ~= '\0' then
        empty_buffer()
    end
    redis.pcall('HSET', META, 'second', whole(this_second))
    if next(found) then
        local names = counted_names(now)
        local by_name = fold(found, names)
        names.keep(by_name)
        add_to(STATS, '', by_name)
        redis.call('PEXPIRE', STATS, 30 * DAY)
        add_to_ring(MINUTES, 25, 3600000, whole(math.floor(second / 60)), by_name)
        add_to_ring(SECONDS, 11, 60000, whole(second), by_name)
    end
end

-- Call it before counting, and after a write: the counts that follow are those of this second. `second` is that of
-- META. Only the first call of a process in a second gets the keys that it takes.
local function settle_counters(now, second)
    if STATS and second ~= whole(math.floor(now / 1000)) then
        flush_counters(now, second)
    end
end
