-- ownership: which jobs a worker still owns, by the tokens of its claims, and how long their payloads last.
-- KEYS  JOB, RUN, WORKERS, LEASES
-- DEFINES  keep_payload, owned
-- INCLUDES  clock, counting, lanes, memory

-- Makes a job's payload last at least this long: its own TTL is for jobs that have not started.
local function keep_payload(id, least_ms)
    local left_ms = redis.call('PTTL', JOB .. id)
    if left_ms >= 0 and left_ms < least_ms then
        redis.call('PEXPIRE', JOB .. id, ttl(least_ms))
    end
end

-- Some programs of arq's users delete all in-progress keys when they start. While the score is the end of a lease in
-- the future, nobody can have claimed or ended the job since, so its owner gets the token back. A worker that was
-- silent for a whole lease does not, as the lease may be another worker's.
local function restore_token(id, token, worker)
    local silent_from = redis.pcall('ZSCORE', WORKERS, worker)
    if type(silent_from) == 'string' and tonumber(silent_from) <= now_ms() then
        return false
    end
    local source = waiting_set(lane_of(id))
    local score = redis.pcall('ZSCORE', source, id)
    local left_ms = type(score) == 'string' and tonumber(score) - LEASED_MARK - now_ms() or 0
    if left_ms <= 0 or tonumber(score) % 1 ~= LEASED_MARK or redis.pcall('HGET', LEASES .. worker, id) ~= token then
        return false
    end
    if redis.call('EXISTS', RUN .. id) == 1 then
        return false -- of a wrong type
    end
    allow_when_full()
    redis.call('SET', RUN .. id, token, 'PX', ms(left_ms))
    return true
end

-- Which of the jobs whose ids are in ARGV from `first` to `last`, `stride` apart, still have the token of their claim,
-- which is `beside` places after the id: returns the positions of their ids in ARGV, the ids of the others, and the
-- keys of all tokens. (If a call is repeated after it was executed, its jobs are among the others: only the caller
-- knows whether it has called before.)
local function owned(first, last, stride, beside, worker)
    local runs, mine, lost = {}, {}, {}
    for at = first, last, stride do
        runs[#runs + 1] = RUN .. ARGV[at]
    end
    if #runs == 0 then
        return mine, lost, runs
    end
    local tokens, i = redis.call('MGET', unpack(runs)), 0
    for at = first, last, stride do
        local id, token = ARGV[at], ARGV[at + beside]
        i = i + 1
        if tokens[i] == token or not tokens[i] and restore_token(id, token, worker) then
            mine[#mine + 1] = at
        else
            lost[#lost + 1] = id
            if redis.pcall('HGET', LEASES .. worker, id) == token then
                redis.call('HDEL', LEASES .. worker, id)
                count(now_ms(), 'lost', 1)
            end
        end
    end
    return mine, lost, runs
end
