-- current_counters: has the counters of this second where the others are, for scripts that read them.
-- KEYS  meta, live
-- DEFINES  settle_for_reading
-- INCLUDES  counting

-- Where nothing waits in the buffer everything stays as it is, so that reading creates no key.
local function settle_for_reading(now)
    if redis.call('EXISTS', LIVE) == 1 then
        flush_counters(now, redis.call('HGET', META, 'second'))
    end
end
