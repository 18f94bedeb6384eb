-- lookup: finds the results of jobs.
-- KEYS  results, kept, ends
-- DEFINES  is_over, result_keys
-- INCLUDES  none

-- Whether a result that is kept for its own time has expired but has not been deleted yet.
local function is_over(key, id, now)
    local ends = key == KEPT and redis.call('ZSCORE', ENDS, 'r' .. id)
    return ends and tonumber(ends) <= now
end

-- The keys that have results, newest first.
local function result_keys(now)
    local keys, newest = {}, math.floor(now / 600000)
    for back = 0, 7 do
        local key = KEYS[RESULTS + (newest - back) % 8]
        if redis.call('EXISTS', key) == 1 then
            keys[#keys + 1] = key
        end
    end
    if redis.call('EXISTS', KEPT) == 1 then
        keys[#keys + 1] = KEPT
    end
    return keys
end
