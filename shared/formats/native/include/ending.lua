-- ending: ends jobs that an incarnation holds; their results are handled elsewhere.
-- KEYS  meta, payloads, held, notes, cancels, progress, live, recent
-- DEFINES  end_jobs, lost_of_range, release, tell_ends
-- INCLUDES  counting

-- Of the jobs whose ids are ARGV[first] to ARGV[last], followed by their tokens, the ids of those that are not held
-- under that token; nil if the incarnation has ended for good.
local function lost_of_range(first, last)
    local held, lost = redis.call('HMGET', HELD, '\0', unpack(ARGV, first, last)), {}
    if not held[1] then
        return nil
    end
    for i = 1, last - first + 1 do
        if held[i + 1] ~= ARGV[last + i] then
            lost[#lost + 1] = ARGV[first + i - 1]
        end
    end
    return lost
end

-- Call `release` after everything to keep of the jobs is stored: until then the call may be repeated. Returns their
-- last reports in the order of the ids, false for none, for callers that watch them to the end; nil if no job has any.
local function end_jobs(first, last)
    local reports
    if redis.call('EXISTS', NOTES, CANCELS, PROGRESS) > 0 then
        redis.call('HDEL', NOTES, unpack(ARGV, first, last))
        redis.call('ZREM', CANCELS, unpack(ARGV, first, last))
        if redis.call('EXISTS', PROGRESS) == 1 then
            reports = redis.call('HMGET', PROGRESS, unpack(ARGV, first, last))
            redis.call('HDEL', PROGRESS, unpack(ARGV, first, last))
        end
    end
    redis.call('HDEL', PAYLOADS, unpack(ARGV, first, last))
    return reports
end

local function release(first, last)
    redis.call('HDEL', HELD, unpack(ARGV, first, last))
end

-- Counts the runs (field and number of each count, from ARGV[counts_at] on), keeps a few for display, and publishes the
-- ends; returns how many listeners received them.
local function tell_ends(now, now_text, counts_at, recent, channel, message)
    settle_counters(now, redis.call('HGET', META, 'second')) -- DUE
    for at = counts_at, #ARGV, 2 do
        redis.pcall('HINCRBY', LIVE, ARGV[at], ARGV[at + 1])
    end
    local listed = redis.pcall('LPUSH', RECENT, now_text .. ' ' .. recent)
    if type(listed) == 'number' and (listed == 1 or listed > 60) then
        redis.call('LTRIM', RECENT, 0, 49)
        redis.call('PEXPIRE', RECENT, 86400000)
    end
    return redis.call('PUBLISH', channel, message)
end
