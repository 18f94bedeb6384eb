-- counting: adds the buffered counts to the totals and to those of each minute and second.
-- KEYS  meta, live, absent
-- DUE  stats, minutes, seconds
-- DEFINES  flush_counters, settle_counters
-- INCLUDES  clock, counted_names

-- Counters are for display only. A call counts by HINCRBY into the buffer LIVE, in fields `<what> NUL <job name>`, '' being
-- the queue itself: an event (`enqueued`), or how runs ended, `<status>:<wait bucket>:<run bucket>`, with '' for the
-- buckets of jobs that did not run. The buffer belongs to the second in META and is emptied once a second. Then all
-- counters of a name and a step are one field, `<step> <name>`, as JSON, so that many steps and names are read at once.

-- Empties the buffer; its second is `second` in META. It begins with a write that is allowed when Redis is out of
-- memory.
local function flush_counters(now, second)
    local DAY = 86400000
    local this_second = math.floor(now / 1000)
    second = tonumber(second) or this_second

    local function add(counters, counter, by)
        counters[counter] = (counters[counter] or 0) + by
    end

    local function table_of(tables, name)
        tables[name] = tables[name] or {}
        return tables[name]
    end

    -- The counters to which a run adds, by its name in the buffer; nil if it is not a run.
    local function counters_of_run(what)
        local status, wait, run = string.match(what, '^([%w_]+):(%d*):(%d*)$')
        if not status then
            return nil
        end
        local counters = status == 'dead' and {'failed', 'dead'} or {status}
        if run ~= '' then
            counters[#counters + 1] = 'w' .. wait
            counters[#counters + 1] = 'r' .. run
            counters.has_run = true
        end
        return counters
    end

    -- There are few fields; each is parsed once.
    local known_runs = {}
    local function run_of(what)
        if known_runs[what] == nil then
            known_runs[what] = string.find(what, ':', 1, true) and counters_of_run(what) or false
        end
        return known_runs[what]
    end

    local function read_buffer(buffered)
        local by_name = {}
        for at = 1, #buffered, 2 do
            local nul, by = string.find(buffered[at], '\0', 1, true), tonumber(buffered[at + 1])
            if nul and nul > 1 and by then
                table_of(by_name, string.sub(buffered[at], nul + 1))[string.sub(buffered[at], 1, nul - 1)] = by
            end
        end
        return by_name
    end

    local function add_events(counters, events)
        for what, by in pairs(events) do
            for _, counter in ipairs(run_of(what) or {what}) do
                add(counters, counter, by)
            end
        end
    end

    local function has_run(events)
        for what in pairs(events) do
            local run = run_of(what)
            if run and run.has_run then
                return true
            end
        end
        return false
    end

    -- The counters of the queue, and of each name that is counted. Jobs of a name are counted for the queue too, except
    -- for their crashes, which the queue counted when they were seen.
    local function fold(found, names)
        local by_name, of_queue = {}, {}
        for name, events in pairs(found) do
            if name ~= '' then
                add_events(table_of(by_name, names.name_for(name, has_run(events))), events)
            end
            for what, by in pairs(events) do
                if name == '' or what ~= 'crashed' then
                    add(of_queue, what, by)
                end
            end
        end
        if next(of_queue) then
            add_events(table_of(by_name, ''), of_queue)
        end
        return by_name
    end

    local function parse(found)
        local is_json, counters = pcall(cjson.decode, found or '{}')
        return is_json and type(counters) == 'table' and counters or {}
    end

    local function add_to(key, prefix, by_name)
        local fields, names, values = {}, {}, {}
        for name in pairs(by_name) do
            names[#names + 1], fields[#fields + 1] = name, prefix .. name
        end
        local found = redis.pcall('HMGET', key, unpack(fields))
        for at, name in ipairs(names) do
            local sums = parse(found[at])
            for counter, by in pairs(by_name[name]) do
                sums[counter] = (tonumber(sums[counter]) or 0) + by
            end
            values[2 * at - 1], values[2 * at] = fields[at], cjson.encode(sums)
        end
        redis.pcall('HSET', key, unpack(values))
    end

    -- A key of a ring has the steps of one span of time. It expires just before its next turn, whichever call wrote it
    -- last, so that no turn loses counts. Steps too old for their ring are not stored.
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

    -- The pad makes it a hash table; in a small hash each count would be a linear search.
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

-- Call it before counting and after a write: the counts that follow belong to this second. `second` is the one in META.
-- Only the first call of a process in a second gets the keys that this needs, and only then is it called.
local function settle_counters(now, second)
    if second ~= whole(math.floor(now / 1000)) then
        flush_counters(now, second)
    end
end
