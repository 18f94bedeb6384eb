-- shards: tell a shard of a queue the number of shards.
-- KEYS  meta, payloads, queued, queued_cpu, idle, idle_cpu, absent
-- ARGV  1 shards: how many   2 before: the earlier numbers, newest first, and until when they matter   3 opened:
--       how many of them are in use   4 expected: how many this one must know so far, 0 if nobody has ever used it; ''
--       for any number   5 paused: ms since which the queue is paused, '' if it is not
-- RETURNS  {1 this was new, 0 it was known, -6 this shard does not know as many as expected; how many it knows,
--          before, opened}; {-2} if the queue is of a later version
-- GUARANTEES  the numbers only increase. From now on it accepts jobs only from callers that know as many. All waiting
--             workers look again.
-- INCLUDES  opening, version, wake_all
local known = redis.call('HMGET', META, 'v', 'shards', 'before', 'opened')
if is_newer(known[1]) and known[1] ~= SHARDED then
    return {-2}
end
local shards, opened = tonumber(known[2]) or known[1] and 1 or 0, tonumber(known[4]) or 0
local wanted, wanted_open = tonumber(ARGV[1]), tonumber(ARGV[3])
if shards > wanted or shards == wanted and opened >= wanted_open then
    return {0, shards, known[3] or '', opened}
end
if shards < wanted and ARGV[4] ~= '' and shards ~= tonumber(ARGV[4]) then
    return {-6, shards, known[3] or '', opened}
end
if not known[1] then
    redis.call('HSET', PAYLOADS, '\0', pad())
end
redis.call('HSET', META, 'v', SHARDED, 'shards', ARGV[1], 'before', ARGV[2], 'opened', ARGV[3])
if ARGV[5] ~= '' then
    redis.call('HSET', META, 'paused', ARGV[5])
end
-- Waiting workers learn of the new shards in their next claim.
wake_all(IDLE, QUEUED)
wake_all(IDLE_CPU, QUEUED_CPU)
return {1, wanted, ARGV[2], wanted_open}
