-- reads: reads for which a key of a wrong type does not exist.
-- KEYS  ABORT
-- DEFINES  get, prefixed, cancels_are_asked
-- INCLUDES  none

-- The value of a string.
local function get(key)
    return redis.call('MGET', key)[1]
end

-- The keys of these jobs, for MGET.
local function prefixed(prefix, ids)
    local names = {}
    for i, id in ipairs(ids) do
        names[i] = prefix .. id
    end
    return names
end

-- Whether any cancellation is requested.
local function cancels_are_asked()
    return redis.call('TYPE', ABORT).ok == 'zset'
end
