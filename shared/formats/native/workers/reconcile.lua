-- reconcile: compare the jobs that an incarnation holds with those that its worker knows.
-- KEYS  meta, held, queued, queued_cpu, idle, idle_cpu, live, absent
-- ARGV  1 oldest and 2 newest number of the claims of the io lane queue that this is about, 3 and 4 the same of the cpu lane
--       queue   then for each job of these claims that the worker knows: id, token
-- RETURNS  {how many jobs were given back, ids that the worker knows but the incarnation does not hold}; {-1} if it has
--          ended for good
-- GUARANTEES  jobs of these claims that it holds but its worker does not know are free again, without a crash. The
--             worker must have received the replies to these claims, and no end may be in flight.
-- INCLUDES  clock, counting, ownership, placing, types
local all = redis.call('HGETALL', HELD)
local held = {}
for at = 1, #all, 2 do
    held[all[at]] = all[at + 1]
end
if not held['\0'] then
    return {-1}
end
local known, missing = {}, {}
for at = 5, #ARGV, 2 do
    known[ARGV[at]] = ARGV[at + 1]
    if held[ARGV[at]] ~= ARGV[at + 1] then
        missing[#missing + 1] = ARGV[at]
    end
end
local strange = {}
for id, token in pairs(held) do
    if string.byte(id) ~= 0 and known[id] ~= token and #strange < 1000 then
        local first = string.sub(token, 1, 1) == 'c' and 3 or 1
        local number = tonumber(string.sub(token, 2))
        if number >= tonumber(ARGV[first]) and number <= tonumber(ARGV[first + 1]) then
            strange[#strange + 1] = {id, token}
        end
    end
end
if #strange > 0 then
    sort_by_claim(strange)
    local now, ids, io, cpu = now_ms(), {}, {}, {}
    for i, job in ipairs(strange) do
        local list = string.sub(job[2], 1, 1) == 'c' and cpu or io
        ids[i], list[#list + 1] = job[1], job[1]
    end
    check_zsets(QUEUED, QUEUED_CPU)
    redis.call('DEL', ABSENT)
    redis.call('HDEL', HELD, unpack(ids))
    put_at_head(QUEUED, IDLE, now, io)
    put_at_head(QUEUED_CPU, IDLE_CPU, now, cpu)
    settle_counters(now, redis.call('HGET', META, 'second')) -- DUE
    redis.pcall('HINCRBY', LIVE, 'handed_back\0', #strange)
end
return {#strange, missing}
