-- purge: delete waiting jobs, some at a time; running jobs are not touched.
-- KEYS  QUEUE, JOB, RUN, RETRY, ABORT, CPU, ENDED, CRASH, NO_RESULT, HISTORY
-- ARGV  1 lane: 'io' looks in QUEUE, 'cpu' in CPU   2 lowest and   3 highest score, in ZRANGEBYSCORE's syntax
--       4 skip: how many running jobs at the front earlier calls have found   5 limit: how many jobs to examine
-- RETURNS  {how many were deleted, how many of the examined jobs are running}; if both are 0, none was left
-- GUARANTEES  payload, place, tries and crashes of a job are deleted together, and its id is published as ended. For a
--             minute, a repeated enqueue does not bring it back.
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
    -- A key of another type also blocks a token, as arq uses EXISTS.
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
