-- reconcile: compare what an incarnation holds with what its worker knows of.
-- KEYS  meta, held, ready, ready_cpu, idle, idle_cpu, live, absent
-- ARGV  1 oldest and 2 newest number of the claims of the io lane queue that this is about, 3 and 4 the same of the cpu lane
--       queue   then for each job that the worker knows of, of these claims: id, token
-- RETURNS  {how many jobs were given back, ids that the worker knows of and the incarnation does not hold}; {-1} where it may
--          never act again
-- GUARANTEES  what it holds of these claims and its worker does not know of is free again, at no charge. The worker has got
--             the replies of these claims, and no end is under way.
-- INCLUDES  clock, counting, order, placing
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
local now, io, cpu = now_ms(), {}, {}
for id, token in pairs(held) do
    if string.byte(id) ~= 0 and known[id] ~= token then
        local is_cpu, number = string.sub(token, 1, 1) == 'c', tonumber(string.sub(token, 2))
        local oldest, newest = tonumber(ARGV[is_cpu and 3 or 1]), tonumber(ARGV[is_cpu and 4 or 2])
        local list = is_cpu and cpu or io
        if number >= oldest and number <= newest and #list < 1000 then
            list[#list + 1] = id
        end
    end
end
if #io + #cpu > 0 then
    redis.call('DEL', ABSENT)
    for _, ids in ipairs({io, cpu}) do
        if #ids > 0 then
            redis.call('HDEL', HELD, unpack(ids))
        end
    end
    put_at_head(READY, IDLE, now, io)
    put_at_head(READY_CPU, IDLE_CPU, now, cpu)
    settle_counters(now, redis.call('HGET', META, 'second'))
    redis.pcall('HINCRBY', LIVE, 'handed_back\0', #io + #cpu)
end
return {#io + #cpu, missing}
