-- current_counters: flushes the counters of this second, for scripts that read them.
-- KEYS  meta, live
-- DEFINES  settle_for_reading
-- INCLUDES  counting

-- If the buffer is empty nothing is changed, so that reading creates no key.
local function settle_for_reading(now)
    if redis.call('EXISTS', LIVE) == 1 then
        flush_counters(now, redis.call('HGET', META, 'second'))
    end
end
