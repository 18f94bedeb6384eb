-- fleet_queues: keeps the list of all native queues.
-- KEYS  queues
-- DEFINES  list_queues
-- INCLUDES  clock

-- Queue names come from outside, so those unused for longest are dropped if there are too many. None is dropped here
-- for its age, as it may hold jobs, which are in another slot: see review_queues. It begins with a write that a full
-- Redis allows, and what it adds is only for display.
local function list_queues(now, first)
    local MOST_QUEUES = 1000
    redis.call('PERSIST', QUEUES)
    for at = first, #ARGV, 1 do
        redis.pcall('ZADD', QUEUES, whole(now), ARGV[at])
    end
    redis.call('ZREMRANGEBYRANK', QUEUES, 0, -MOST_QUEUES - 1)
end
