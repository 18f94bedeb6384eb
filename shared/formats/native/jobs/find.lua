-- find: read the results of jobs.
-- KEYS  payloads, kept, results
-- ARGV  then for each job: id
-- RETURNS  for each job: its result, 1 if it waits or runs, nil if there is neither job nor result
-- GUARANTEES  it changes nothing. A job that ends meanwhile is found alive or with its result.
-- INCLUDES  clock, lookup
local reply, missing = {}, {}
for at = 1, #ARGV, 1 do
    reply[at] = redis.call('HEXISTS', PAYLOADS, ARGV[at]) == 1 and 1
    if not reply[at] then
        missing[#missing + 1] = at
    end
end

-- Returns the places of those that are not there, either.
local function look_into(key, places, now)
    local ids, others = {}, {}
    for i, at in ipairs(places) do
        ids[i] = ARGV[at]
    end
    local found = redis.call('HMGET', key, unpack(ids))
    for i, at in ipairs(places) do
        reply[at] = found[i] and not is_over(key, ids[i], now) and found[i]
        if not reply[at] then
            others[#others + 1] = at
        end
    end
    return others
end

if #missing > 0 then
    local now = now_ms()
    for _, key in ipairs(result_keys(now)) do
        missing = look_into(key, missing, now)
        if #missing == 0 then
            break
        end
    end
end
return reply
