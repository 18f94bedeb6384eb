-- requeue: give leased jobs back to be run later, or now.
-- ARGV  1 worker, then for each job: id, token, lane it waits in next, due_ms (or 0), delay_ms from now where due_ms
--       is 0, tries used ('' leaves them as they are: the run costs the job nothing), words for its trail ('' for none)
-- RETURNS  the ids that were not the worker's any more; nothing of theirs was changed
-- GUARANTEES  the job is in its queue and free for everybody when the call returns; repeating it changes nothing.
local worker = ARGV[1]
local STRIDE = 7
redis.call('ZCARD', QUEUE)
local mine, lost = owned(2, STRIDE, worker)
even_when_full()
local now = now_ms()
local retried, lanes = 0, {}
for _, at in ipairs(mine) do
    local id, lane, due, tries = ARGV[at], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 5]
    if due == 0 then
        due = now + tonumber(ARGV[at + 4])
    end
    place(id, lane, ms(due))
    if tries ~= '' then
        redis.call('SET', RETRY .. id, tries, 'PX', ttl(math.max(due - now, 0) + WEEK))
        retried = retried + 1
    end
    local words = ARGV[at + 6]
    if words ~= '' then
        local wait_ms = math.max(due - now, 0)
        local what = tries ~= '' and 'retried' or 'handed-back'
        tell(id, what, (tries ~= '' and tries .. ' ' .. ms(wait_ms) .. ' ' or '') .. words, wait_ms + DAY)
    end
    redis.call('DEL', RUN .. id)
    redis.pcall('HDEL', LEASES .. worker, id)
    lanes[lane] = true
end
if retried > 0 then
    count('retried', retried)
end
for lane in pairs(lanes) do
    wake(lane)
end
return lost
