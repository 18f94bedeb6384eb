-- fleet_queues: keeps the list of all native queues.
-- KEYS  queues
-- DEFINES  list_queues
-- INCLUDES  clock

-- Names of queues come from outside too: what nobody has used for a week is dropped, and the longest unused where there
-- are too many. It begins with a write that a full Redis allows, and what it adds is for people.
local function list_queues(now, first)
    local MOST_QUEUES, WEEK = 1000, 7 * 86400000
    redis.call('ZREMRANGEBYSCORE', QUEUES, '-inf', whole(now - WEEK))
    for at = first, #ARGV, 1 do
        redis.pcall('ZADD', QUEUES, whole(now), ARGV[at])
    end
    redis.call('ZREMRANGEBYRANK', QUEUES, 0, -MOST_QUEUES - 1)
    redis.call('PEXPIRE', QUEUES, WEEK)
end
