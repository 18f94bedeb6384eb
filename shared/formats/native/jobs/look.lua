-- look: look for an id in the shard to which it belonged when there were fewer, before its new shard accepts it.
-- KEYS  meta, payloads, barred
-- ARGV  1 call: names the enqueue that this is for   2 shards: how many the caller knows   3 mode: that of the enqueue,
--       'named', 'again' or 'marked'   4 id   5 payload
-- RETURNS  {a code as in enqueue_checked, or 3 if the id is free here}; {-2} if the queue is of a later version,
--          {-4, shards, before, opened} if it has more shards, {-5} if this shard knows fewer as yet
-- GUARANTEES  it changes nothing. An id that was free will not come here any more: this shard refuses callers that know
--             fewer shards.
-- INCLUDES  clock, ended, version
local id, payload, is_repeated = ARGV[4], ARGV[5], ARGV[3] ~= 'named'
local known = redis.call('HMGET', META, 'v', 'shards')
local refusal = refusal_of(known[1], ARGV[2])
if refusal then
    return refusal
end
if known[2] ~= ARGV[2] then
    return {-5}
end
if ARGV[3] == 'marked' and redis.call('ZSCORE', BARRED, ARGV[1]) then
    return {1}
end
local stored = redis.call('HGET', PAYLOADS, id)
if stored then
    return {is_repeated and stored == payload and 1 or 0}
end
return {ended_of({id}, now_ms(), is_repeated)[1] and (is_repeated and 2 or 0) or 3}
