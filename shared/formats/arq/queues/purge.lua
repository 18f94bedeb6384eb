-- purge: delete waiting jobs, some at a time; what runs is not touched.
-- KEYS  QUEUE, JOB, RUN, RETRY, ABORT, CPU, ENDED, CRASH, NO_RESULT, HISTORY
-- ARGV  1 lane: 'io' looks in QUEUE, 'cpu' in CPU   2 lowest and   3 highest score of those meant, as ZRANGEBYSCORE
--       takes them   4 skip: how many at the front run, by the calls before   5 limit: how many to look at
-- RETURNS  {how many were deleted, how many of those looked at run}; nothing was left to look at where both are 0
-- GUARANTEES  payload, place, tries and crashes of a job go together, and its id is published as ended. For a minute an
--             enqueue that is repeated does not bring it back.
-- INCLUDES  clock, counting, memory, reads
local lane, lowest, highest, skip, limit = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local source = lane == 'cpu' and CPU or QUEUE
local page = redis.call('ZRANGEBYSCORE', source, lowest, highest, 'LIMIT', skip, limit)
if #page == 0 then
    return {0, 0}
end
allow_when_full()
local ids, gone, runs = {}, {}, 0
for i, owner in ipairs(redis.call('MGET', unpack(prefixed(RUN, page)))) do
    local id, base = page[i], #gone
    -- A key of another type is in the way of a token too: EXISTS is what arq goes by.
    if owner or redis.call('EXISTS', RUN .. id) == 1 then
        runs = runs + 1
    else
        ids[#ids + 1] = id
        gone[base + 1], gone[base + 2] = JOB .. id, RETRY .. id
        gone[base + 3], gone[base + 4] = CRASH .. id, HISTORY .. id
    end
end
if #ids > 0 then
    redis.call('UNLINK', unpack(gone))
    redis.pcall('ZREM', QUEUE, unpack(ids))
    redis.pcall('ZREM', CPU, unpack(ids))
    redis.pcall('ZREM', ABORT, unpack(ids))
    count(now_ms(), 'purged', #ids)
    for _, id in ipairs(ids) do
        redis.call('SET', NO_RESULT .. id, 1, 'PX', 60000)
    end
    redis.call('PUBLISH', ENDED, table.concat(ids, '\0'))
end
return {#ids, runs}
