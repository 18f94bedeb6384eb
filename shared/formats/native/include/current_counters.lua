-- current_counters: has the counters of this second where the others are, for scripts that read them.
-- KEYS  meta
-- DEFINES  settle_for_reading
-- INCLUDES  counting

-- A queue that nobody has counted in stays as it is, so that reading creates no key.
local function settle_for_reading(now)
    local second = redis.call('HGET', META, 'second')
    if second then
        flush_counters(now, second)
    end
end
