-- placing: puts jobs into their place in the queue.
-- KEYS  meta, notes
-- DEFINES  due_of, scoreless, defer, make_queued, put_at_head, note_large
-- INCLUDES  clock, notes, order, wake

-- When jobs are due: 0 is now.
local function due_of(now, due_ms, delay_ms)
    local due = due_ms == '0' and now + tonumber(delay_ms) or tonumber(due_ms)
    return due > now and due or 0
end

-- Jobs to place are given in ZADD's form, with room for the score before each id.
local function scoreless(ids)
    local scored = {}
    for i = 1, #ids do
        scored[2 * i - 1], scored[2 * i] = '', ids[i]
    end
    return scored
end

-- The worker that waits for the next deferred job is woken if there is a new one.
local function defer(deferred, idle, queued, due, scored)
    local score = whole(due)
    for at = 1, #scored, 2 do
        scored[at] = score
    end
    redis.call('ZADD', deferred, unpack(scored))
    local first = redis.call('ZRANGE', deferred, 0, 0, 'WITHSCORES')
    if tonumber(first[2]) == due then
        wake(idle, queued)
    end
end

-- Jobs with one stamp are claimed in the order of their ids; if that is not their order, each gets its own stamp.
local function make_queued(queued, idle, stamp, scored, has_own_stamps)
    local score = whole(LEVEL + stamp)
    for at = 1, #scored, 2 do
        if has_own_stamps and at > 1 then
            stamp = stamp + 1
            score = whole(LEVEL + stamp)
        end
        scored[at] = score
    end
    redis.call('HSET', META, 'last', score)
    redis.call('ZADD', queued, unpack(scored))
    wake(idle, queued)
end

-- For jobs that return unfinished: before all waiting jobs, in their order.
local function put_at_head(queued, idle, now, ids)
    if #ids == 0 then
        return
    end
    local scored, before = {}, head_score(queued, now) - #ids
    for i = 1, #ids do
        scored[2 * i - 1], scored[2 * i] = whole(before + i), ids[i]
    end
    redis.call('ZADD', queued, unpack(scored))
    wake(idle, queued)
end

local function note_large(id, payload)
    if #payload > LARGE then
        local note = read_note(redis.call('HGET', NOTES, id))
        note.flags = 'b'
        write_note(id, note)
    end
end
