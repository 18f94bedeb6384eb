-- steps: reads the counters of a name, or of the queue, step by step.
-- KEYS  none
-- DEFINES  read_steps
-- INCLUDES  clock

-- A list for each of the keys that have these steps, which are minutes in a ring of hours or seconds in a ring of
-- minutes.
local function read_steps(ring, size, oldest, newest, name)
    local lists, step = {}, oldest
    while step <= newest do
        local turn, fields = math.floor(step / 60), {}
        for at = step, math.min(newest, turn * 60 + 59) do
            fields[#fields + 1] = whole(at) .. ' ' .. name
        end
        lists[#lists + 1] = redis.call('HMGET', KEYS[ring + turn % size], unpack(fields))
        step = turn * 60 + 60
    end
    return lists
end
