-- recovery: returns the job of a worker that is gone to the queue.
-- KEYS  RUN
-- DEFINES  recover_job
-- INCLUDES  history, lanes, reads, wake

-- Puts back a job of a worker that is gone and records the crash; returns whether it did. If the lease has expired
-- meanwhile, its mark shows that nobody has claimed the job since.
local function recover_job(id, token, what, now)
    local key, lane = RUN .. id, lane_of(id)
    local owner, source = get(key), waiting_set(lane)
    if owner ~= token then
        local score = not owner and redis.pcall('ZSCORE', source, id)
        if type(score) ~= 'string' or tonumber(score) % 1 ~= LEASED_MARK or tonumber(score) > now then
            return false
        end
    end
    note_crash(id, what)
    put_in_queue(id, lane, head_due(lane, now))
    redis.call('DEL', key)
    wake(lane)
    return true
end
