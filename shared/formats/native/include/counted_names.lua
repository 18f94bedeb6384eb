-- counted_names: the names by which jobs are counted.
-- KEYS  none
-- DUE  stats, names, known, heard
-- DEFINES  counted_names
-- INCLUDES  clock

-- Names come from outside, so their number is limited: jobs that a worker knows, or has run, are counted by name, up to
-- MOST of them. Of names that no worker knows, the first MOST_HEARD have counters of their own until a worker knows
-- them, and are shown as one until then. The lists are read once; functions for work done once a second are inside.
local function counted_names(now)
    local MOST, MOST_HEARD, LONGEST = 200, 50, 200
    local HOUR, MONTH = 3600000, 30 * 86400000

    local function read_list(key, most)
        local list = {key = key, has = {}, room = most}
        for _, name in ipairs(redis.pcall('ZRANGE', key, 0, most - 1)) do
            list.has[name] = true
            list.room = list.room - 1
        end
        return list
    end

    local counted, heard = read_list(NAMES, MOST), read_list(HEARD, MOST_HEARD)
    local names = {}

    local function add_to(list, name)
        if list.room <= 0 then
            return false
        end
        list.has[name] = true
        list.room = list.room - 1
        redis.pcall('ZADD', list.key, whole(now), name)
        redis.pcall('PEXPIRE', list.key, MONTH)
        return true
    end

    -- A name without a count for an hour makes room.
    local is_full = false
    local function make_room()
        if is_full then
            return
        end
        local oldest = redis.pcall('ZRANGE', NAMES, 0, 0, 'WITHSCORES')
        if oldest[2] and tonumber(oldest[2]) <= now - HOUR then
            redis.call('ZREM', NAMES, oldest[1])
            redis.pcall('HDEL', STATS, oldest[1])
            counted.has[oldest[1]] = nil
            counted.room = 1
        else
            is_full = true
        end
    end

    -- Gives a name counters of its own, if there is room.
    function names.admit(name)
        if heard.has[name] then
            redis.pcall('ZREM', HEARD, name)
            heard.has[name] = nil
            heard.room = heard.room + 1
        end
        if counted.room <= 0 then
            make_room()
        end
        return add_to(counted, name)
    end

    function names.is_known(name)
        return type(redis.pcall('ZSCORE', KNOWN, name)) == 'string'
    end

    -- The name by which a job is counted. Only workers that know a job report that it ran.
    function names.name_for(name, has_run)
        name = string.sub(name, 1, LONGEST)
        if counted.has[name] then
            return name
        end
        if has_run or names.is_known(name) then
            return names.admit(name) and name or '(other)'
        end
        return (heard.has[name] or add_to(heard, name)) and name or '(unknown)'
    end

    -- Keeps the counted ones among these names from being removed to make room.
    function names.keep(by_name)
        local scored = {}
        for name in pairs(by_name) do
            if counted.has[name] then
                scored[#scored + 1] = whole(now)
                scored[#scored + 1] = name
            end
        end
        if #scored > 0 then
            redis.pcall('ZADD', NAMES, 'XX', unpack(scored))
            redis.pcall('PEXPIRE', NAMES, MONTH)
        end
    end

    return names
end
