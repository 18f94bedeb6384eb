-- browse: read a page of waiting jobs, and what is known about each.
-- KEYS  queued, queued_cpu, deferred, deferred_cpu
-- ARGV  1 state: 'queued' or 'deferred'   2 limit   3 head: bytes to read of a payload's beginning
--       4 tail: bytes to read of its end   then, except for the first page, score and id of the job after which it
--       begins in each of its sets
-- RETURNS  {now_ms, the next page's arguments from 5 on, or none if this is the last one, then for each job: id, lane
--          queue, due_ms, note, cancel_asked_ms, bytes of its payload or -1, head, tail}
-- GUARANTEES  it changes nothing. No page repeats a job of earlier pages, whatever comes and goes.
-- INCLUDES  clock, describing, order
local state, limit, head, tail = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local FIRST_PLACE = 5
local now = now_ms()

-- As Redis sorts members; Lua's own comparison depends on the server's language.
local function is_behind(id, other)
    for at = 1, math.min(#id, #other) do
        local mine, its = string.byte(id, at), string.byte(other, at)
        if mine ~= its then
            return mine > its
        end
    end
    return #id > #other
end

-- The rank after a place in a set, whether or not the job of that place still exists.
local function rank_behind(key, score, id)
    local low = redis.call('ZCOUNT', key, '-inf', '(' .. score)
    local high = redis.call('ZCOUNT', key, '-inf', score)
    while low < high do
        local middle = math.floor((low + high) / 2)
        if is_behind(redis.call('ZRANGE', key, middle, middle)[1], id) then
            high = middle
        else
            low = middle + 1
        end
    end
    return low
end

-- One of the sets from which a state is read: its jobs from one rank to another.
local function source(key, lane, from, to, due_of)
    return {key = key, lane = lane, from = from, to = to, due_of = due_of}
end

local function sources()
    local io_due = redis.call('ZCOUNT', DEFERRED, '-inf', whole(now))
    local cpu_due = redis.call('ZCOUNT', DEFERRED_CPU, '-inf', whole(now))
    if state == 'deferred' then
        return {
            source(DEFERRED, 'io', io_due, redis.call('ZCARD', DEFERRED), tonumber),
            source(DEFERRED_CPU, 'cpu', cpu_due, redis.call('ZCARD', DEFERRED_CPU), tonumber),
        }
    end
    return {
        source(QUEUED, 'io', 0, redis.call('ZCARD', QUEUED), queued_ms),
        source(QUEUED_CPU, 'cpu', 0, redis.call('ZCARD', QUEUED_CPU), queued_ms),
        source(DEFERRED, 'io', 0, io_due, tonumber),
        source(DEFERRED_CPU, 'cpu', 0, cpu_due, tonumber),
    }
end

local function read_jobs(from, score, id)
    local at = from.from
    if score ~= '' then
        at = math.max(at, rank_behind(from.key, score, id))
    end
    from.score, from.id, from.next, from.jobs = score, id, 1, {}
    if at < from.to then
        local page = redis.call('ZRANGE', from.key, at, math.min(at + limit, from.to) - 1, 'WITHSCORES')
        for i = 1, #page, 2 do
            from.jobs[#from.jobs + 1] = {id = page[i], score = page[i + 1], due = from.due_of(page[i + 1])}
        end
    end
    from.has_more = at + #from.jobs < from.to
end

-- The source whose next job is due first.
local function first_of(all)
    local first
    for _, from in ipairs(all) do
        local job = from.jobs[from.next]
        if job and (not first or job.due < first.jobs[first.next].due) then
            first = from
        end
    end
    return first
end

local all = sources()
for i, from in ipairs(all) do
    read_jobs(from, ARGV[FIRST_PLACE + 2 * i - 2] or '', ARGV[FIRST_PLACE + 2 * i - 1] or '')
end
local reply = {now, {}}
for _ = 1, limit do
    local from = first_of(all)
    if not from then
        break
    end
    local job = from.jobs[from.next]
    from.next, from.score, from.id = from.next + 1, job.score, job.id
    reply[#reply + 1], reply[#reply + 2], reply[#reply + 3] = job.id, from.lane, whole(math.floor(job.due))
    append_described(reply, job.id, head, tail)
end
local places, is_last = {}, true
for i, from in ipairs(all) do
    places[2 * i - 1], places[2 * i] = from.score, from.id
    is_last = is_last and not from.has_more and not from.jobs[from.next]
end
reply[2] = is_last and {} or places
return reply
