-- moving: which run of a move may take jobs from the queue.
-- KEYS  meta
-- DEFINES  is_run
-- INCLUDES  none

local function is_run(run)
    return string.match(redis.call('HGET', META, 'moving') or '', '^%S+') == run
end
