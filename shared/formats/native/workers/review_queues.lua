-- review_queues: of the queues unused for a week, keep those that hold something on the list, and remove the others.
-- KEYS  queues
-- ARGV  1 holding: how many of the queues hold jobs or a pause   then for each queue, those first: name
-- RETURNS  1
-- GUARANTEES  a queue that holds something counts as used now. One that was used since it was checked is not removed.
-- INCLUDES  clock
local now, WEEK = now_ms(), 7 * 86400000
redis.call('PERSIST', QUEUES) -- a write that is allowed when Redis is out of memory
for at = 2, #ARGV, 1 do
    local used = tonumber(redis.call('ZSCORE', QUEUES, ARGV[at]) or now)
    if used <= now - WEEK and at - 1 <= tonumber(ARGV[1]) then
        redis.pcall('ZADD', QUEUES, 'XX', whole(now), ARGV[at])
    elseif used <= now - WEEK then
        redis.call('ZREM', QUEUES, ARGV[at])
    end
end
return 1
