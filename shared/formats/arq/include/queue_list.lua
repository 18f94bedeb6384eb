-- queue_list: keeps the list of all queues.
-- KEYS  QUEUE, QUEUES
-- DEFINES  register_queue
-- INCLUDES  clock

-- Adds this queue to the list, so that its jobs are seen even if no worker serves it. Queue names come from outside, so
-- queues that nobody has used for a week and that hold no jobs are removed, and the longest unused if the list gets too
-- long. pcall: in a cluster this key may be on another node. Then only the list is not updated.
local function register_queue(now, tidies)
    local MOST_QUEUES = 1000
    local added = redis.pcall('ZADD', QUEUES, ms(now), QUEUE)
    redis.pcall('PEXPIRE', QUEUES, WEEK)
    if type(added) ~= 'number' or added == 0 and not tidies then
        return
    end
    if redis.call('ZCARD', QUEUES) > MOST_QUEUES then
        redis.call('ZREM', QUEUES, redis.call('ZRANGE', QUEUES, 0, 0)[1])
    end
    for _, queue in ipairs(redis.call('ZRANGEBYSCORE', QUEUES, '-inf', ms(now - WEEK), 'LIMIT', 0, 10)) do
        if redis.pcall('EXISTS', queue) == 1 then
            redis.call('ZADD', QUEUES, ms(now), queue)
        else
            redis.call('ZREM', QUEUES, queue)
        end
    end
end
