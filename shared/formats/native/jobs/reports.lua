-- reports: read the last reports of jobs.
-- KEYS  payloads, progress, results, tombstones
-- ARGV  then for each job: id
-- RETURNS  for each job: its last report, nil if it made none, or ended a while ago
-- GUARANTEES  it changes nothing. A job that ends meanwhile is found as either. A report of an earlier job with the id
--             does not count if the id's end, or its new job, shows that there was a later one.
-- INCLUDES  clock
local reply = redis.call('HMGET', PROGRESS, unpack(ARGV))
local missing = {}
for at, report in ipairs(reply) do
    if not report and redis.call('HEXISTS', PAYLOADS, ARGV[at]) == 0 then
        missing[#missing + 1] = at
    end
end

-- Looks in one key of results or tombstones, and returns the ids that are not there.
local function look_into(key, prefix)
    if #missing == 0 or redis.call('EXISTS', key) == 0 then
        return
    end
    local fields, others = {}, {}
    for i, at in ipairs(missing) do
        fields[2 * i - 1], fields[2 * i] = ARGV[at], prefix .. ARGV[at]
    end
    local found = redis.call('HMGET', key, unpack(fields))
    for i, at in ipairs(missing) do
        local report = found[2 * i]
        if found[2 * i - 1] then
            reply[at] = report ~= '' and report
        else
            others[#others + 1] = at
        end
    end
    missing = others
end

if #missing > 0 then
    local now = now_ms()
    for back = 0, 7 do
        look_into(KEYS[RESULTS + (math.floor(now / 600000) - back) % 8], '\0')
    end
    for back = 0, 2 do
        look_into(KEYS[TOMBSTONES + (math.floor(now / 60000) - back) % 3], '')
    end
end
return reply
