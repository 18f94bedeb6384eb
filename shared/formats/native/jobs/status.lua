-- status: tell what a job is doing now.
-- KEYS  ready, ready_cpu, deferred, deferred_cpu, payloads
-- ARGV  1 id
-- RETURNS  'deferred', 'queued', 'in_progress', 'complete' or 'not_found'
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock, lookup
local id = ARGV[1]
local now = now_ms()
if redis.call('ZSCORE', READY, id) or redis.call('ZSCORE', READY_CPU, id) then
    return 'queued'
end
local due = redis.call('ZSCORE', DEFERRED, id) or redis.call('ZSCORE', DEFERRED_CPU, id)
if due then
    return tonumber(due) > now and 'deferred' or 'queued'
end
if redis.call('HEXISTS', PAYLOADS, id) == 1 then
    return 'in_progress'
end
for _, key in ipairs(result_keys(now)) do
    if redis.call('HEXISTS', key, id) == 1 and not is_over(key, id, now) then
        return 'complete'
    end
end
return 'not_found'
