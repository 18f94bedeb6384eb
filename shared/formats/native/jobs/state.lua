-- state: the current state of a job.
-- KEYS  queued, queued_cpu, deferred, deferred_cpu, payloads
-- ARGV  1 id
-- RETURNS  'deferred', 'queued', 'running', 'ended' or 'unknown'
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock, lookup
local id = ARGV[1]
local now = now_ms()
if redis.call('ZSCORE', QUEUED, id) or redis.call('ZSCORE', QUEUED_CPU, id) then
    return 'queued'
end
local due = redis.call('ZSCORE', DEFERRED, id) or redis.call('ZSCORE', DEFERRED_CPU, id)
if due then
    return tonumber(due) > now and 'deferred' or 'queued'
end
if redis.call('HEXISTS', PAYLOADS, id) == 1 then
    return 'running'
end
for _, key in ipairs(result_keys(now)) do
    if redis.call('HEXISTS', key, id) == 1 and not is_over(key, id, now) then
        return 'ended'
    end
end
return 'unknown'
