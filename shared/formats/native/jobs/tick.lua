-- tick: enqueue the job of a cron tick, once.
-- KEYS  meta, cron
-- ARGV  1 entry: names the declaration, '' for a tick that is not recorded   2 due_ms: the tick's time
--       3 name of the job, to count it by   4 id   5 payload   6 shards: how many the caller knows
-- RETURNS  {now_ms, 1 the job is in, 0 this tick or a later one of its entry was, or a job or result of this id,
--          2 a job with this id has ended}; {-2} if the queue is of a later version, {-4, shards, before, opened} if it
--          has more shards, {-5} if this one is not open
-- GUARANTEES  the newest tick of an entry only increases: neither a late worker nor a repeated call creates a second
--             job. A tick that is not recorded creates none as long as the end of its job is known.
-- INCLUDES  admission, clock, placing, version
local entry, due_ms = ARGV[1], tonumber(ARGV[2])
local known = redis.call('HMGET', META, 'v', 'last', 'second')
local refusal = refusal_of(known[1], ARGV[6])
if refusal then
    return refusal
end
local now = now_ms()
local is_recorded = entry ~= ''
if is_recorded and (tonumber(redis.call('HGET', CRON, entry) or 0) or 0) >= due_ms then
    return {now, 0}
end
local codes = admit({{id = ARGV[4], payload = ARGV[5]}}, now, known, not is_recorded, due_of(now, ARGV[2], '0'), ARGV[3])
if is_recorded then
    redis.call('HSET', CRON, entry, ARGV[2])
    redis.call('PEXPIRE', CRON, 400 * 86400000)
end
return {now, codes[1]}
