-- finish: end jobs for good, with their results.
-- ARGV  1 worker   2 max_dead: how many dead letters a queue keeps   then for each job: id, token, 'done' or
--       'failed', keep_ms (0 keeps the result for ever, -1 not at all), result, name of the job, letter: what a dead
--       letter says beside the payload ('' leaves none), keep_dead_ms
-- RETURNS  the ids that were not the worker's any more; nothing of theirs was changed
-- GUARANTEES  result, removal and dead letter of a job happen together; repeating the call changes nothing.
local worker, max_dead = ARGV[1], tonumber(ARGV[2])
local STRIDE = 8
local mine, lost = owned(3, STRIDE, worker)
if #mine == 0 then
    return lost
end
even_when_full()
local now = now_ms()
local ids, gone = {}, {}
local done, failed, dead = 0, 0, 0

local function keep_result(id, keep_ms, result)
    local kept_ms = tonumber(keep_ms)
    if kept_ms > 0 then
        redis.call('SET', RESULT .. id, result, 'PX', ttl(keep_ms))
    elseif kept_ms == 0 then
        redis.call('SET', RESULT .. id, result)
    else
        redis.call('SET', NO_RESULT .. id, 1, 'PX', 60000)
    end
end

local function bury(id, name, letter, keep_dead_ms)
    local payload = redis.call('MGET', JOB .. id)[1]
    local tries = redis.call('MGET', RETRY .. id)[1]
    redis.call('DEL', LETTER .. id)
    redis.call('HSET', LETTER .. id, 'name', name, 'letter', letter, 'payload', payload or '',
        'has_payload', payload and 1 or 0, 'tries', tries or 0, 'died_ms', ms(now))
    redis.call('PEXPIRE', LETTER .. id, ttl(keep_dead_ms))
    if type(redis.pcall('ZADD', DEAD, ms(now), id)) == 'table' then
        return
    end
    redis.call('PEXPIRE', DEAD, ttl(keep_dead_ms))
    -- Letters whose time is over have left already; their ids follow here.
    redis.call('ZREMRANGEBYSCORE', DEAD, '-inf', ms(now - keep_dead_ms))
    if redis.call('ZCARD', DEAD) > max_dead then
        local oldest = redis.call('ZPOPMIN', DEAD)
        redis.call('DEL', LETTER .. oldest[1])
    end
end

for _, at in ipairs(mine) do
    local id, status, keep_ms, letter = ARGV[at], ARGV[at + 2], ARGV[at + 3], ARGV[at + 6]
    keep_result(id, keep_ms, ARGV[at + 4])
    if status == 'done' then
        done = done + 1
    else
        failed = failed + 1
    end
    if letter ~= '' then
        bury(id, ARGV[at + 5], letter, tonumber(ARGV[at + 7]))
        dead = dead + 1
    end
    ids[#ids + 1] = id
    local base = #gone
    gone[base + 1], gone[base + 2] = RUN .. id, JOB .. id
    gone[base + 3], gone[base + 4] = RETRY .. id, CRASH .. id
end

redis.call('DEL', unpack(gone))
redis.pcall('ZREM', QUEUE, unpack(ids))
redis.pcall('ZREM', CPU, unpack(ids))
redis.pcall('HDEL', LEASES .. worker, unpack(ids))
redis.pcall('ZREM', ABORT, unpack(ids))
for field, by in pairs({done = done, failed = failed, dead = dead}) do
    if by > 0 then
        count(field, by)
    end
end
local second = SECOND .. math.floor(now / 1000)
redis.pcall('INCRBY', second, #ids)
redis.call('PEXPIRE', second, 60000)
redis.call('PUBLISH', ENDED, table.concat(ids, '\0'))
return lost
