-- requeue: give leased jobs back to be run later, or now.
-- ARGV  1 worker   2 kinds: how many kinds of runs follow, each of KIND values (see the prelude)   then for each job:
--       id, token, kind (counted from 0), lane it waits in next, due_ms (or 0), delay_ms from now where due_ms is 0,
--       tries used ('' leaves them as they are: the run costs the job nothing), words for its trail ('' for none),
--       ms since which no worker has known its name ('' where this one knows it)
-- RETURNS  the ids that were not the worker's any more; nothing of theirs was changed
-- GUARANTEES  the job is in its queue and free for everybody when the call returns; repeating it changes nothing.
-- A job that is tried again has started, so its payload's own time is over: it lasts for a week beyond the wait.
local worker = ARGV[1]
local STRIDE, FIRST_KIND = 9, 3
redis.call('ZCARD', QUEUE)
local mine, lost = owned(FIRST_KIND + ARGV[2] * KIND, STRIDE, worker)
even_when_full()
local now = now_ms()
local lanes, runs_of = {}, {}

-- A crash that comes later begins the note anew: whoever ran the job knew it.
local function note_unknown(id, since_ms)
    local crash = string.match(get(CRASH .. id) or '0 ', '^%Z*')
    redis.call('SET', CRASH .. id, crash .. '\0' .. since_ms, 'PX', WEEK)
end

for _, at in ipairs(mine) do
    local id, kind, lane, due, tries = ARGV[at], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), ARGV[at + 6]
    if due == 0 then
        due = now + tonumber(ARGV[at + 5])
    end
    place(id, lane, ms(due))
    local wait_ms = math.max(due - now, 0)
    if tries ~= '' then
        redis.call('SET', RETRY .. id, tries, 'PX', ttl(wait_ms + WEEK))
        keep_payload(id, wait_ms + WEEK)
    end
    local words, unknown_ms, came_to = ARGV[at + 7], ARGV[at + 8], ARGV[FIRST_KIND + kind * KIND + 1]
    if unknown_ms ~= '' then
        note_unknown(id, unknown_ms)
    end
    if words ~= '' and came_to == 'retried' then
        tell(id, 'retried', tries .. ' ' .. ms(wait_ms) .. ' ' .. words, wait_ms + DAY)
    elseif words ~= '' then
        tell(id, unknown_ms ~= '' and 'unknown' or 'handed-back', words, wait_ms + DAY)
    end
    runs_of[kind] = (runs_of[kind] or 0) + 1
    redis.call('DEL', RUN .. id)
    redis.pcall('HDEL', LEASES .. worker, id)
    lanes[lane] = true
end
if #mine > 0 then
    count_runs(now, FIRST_KIND, runs_of)
end
for lane in pairs(lanes) do
    wake(lane)
end
return lost
