-- ended: finds out which jobs have ended.
-- KEYS  tombstones
-- DEFINES  ended_of
-- INCLUDES  lookup

-- Which of the ids have ended, with a kept result or, in a repeated call, recently without one.
local function ended_of(ids, now, is_repeated)
    local ended, places = {}, result_keys(now)
    if is_repeated then
        for at = TOMBSTONES, TOMBSTONES + 2 do
            places[#places + 1] = KEYS[at]
        end
    end
    for _, key in ipairs(places) do
        local found = redis.call('HMGET', key, unpack(ids))
        for i = 1, #ids do
            ended[i] = ended[i] or found[i] and not is_over(key, ids[i], now)
        end
    end
    return ended
end
