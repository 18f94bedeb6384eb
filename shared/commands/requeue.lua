-- requeue: give leased jobs back to be run later, or now.
-- ARGV  1 worker, then for each job: id, token, lane it waits in next, due_ms (or 0), delay_ms from now where due_ms
--       is 0, tries used ('' leaves them as they are: the run costs the job nothing)
-- RETURNS  the ids that were not the worker's any more; nothing of theirs was changed
-- GUARANTEES  the job is in its queue and free for everybody when the call returns; repeating it changes nothing.
local worker = ARGV[1]
local STRIDE = 6
local mine, lost = owned(2, STRIDE, worker)
even_when_full()
local now = now_ms()
local retried, next_io, next_cpu = 0, false, false
for _, at in ipairs(mine) do
    local id, lane, due, tries = ARGV[at], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 5]
    if due == 0 then
        due = now + tonumber(ARGV[at + 4])
    end
    place(id, lane, due)
    if tries ~= '' then
        redis.call('SET', RETRY .. id, tries, 'PX', ms(math.max(due - now, 0) + WEEK))
        retried = retried + 1
    end
    redis.call('DEL', RUN .. id)
    redis.call('HDEL', LEASES .. worker, id)
    next_io, next_cpu = next_io or lane ~= 'cpu', next_cpu or lane == 'cpu'
end
if retried > 0 then
    count('retried', retried)
end
if next_io then
    wake(WAKE)
end
if next_cpu then
    wake(WAKE_CPU)
end
return lost
