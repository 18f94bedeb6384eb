-- register_names: register which jobs a worker of the queue knows, so that they are counted by their names.
-- KEYS  stats, names, known, heard, absent
-- ARGV  then for each job: name
-- RETURNS  how many of the names had been enqueued, and no worker had known them before
-- GUARANTEES  what was counted of a name before any worker knew it is counted by the name from now on. Each worker
--             registers its names once an hour: what none has for a day is forgotten.
-- INCLUDES  clock, counted_names
local DAY = 86400000
local now = now_ms()
redis.pcall('ZREMRANGEBYSCORE', KNOWN, '-inf', whole(now - DAY))
for at = 1, #ARGV, 1 do
    redis.pcall('ZADD', KNOWN, whole(now), string.sub(ARGV[at], 1, 200))
end
redis.call('PEXPIRE', KNOWN, DAY)
local names, admitted = counted_names(now), 0
for _, name in ipairs(redis.pcall('ZRANGE', HEARD, 0, 49)) do
    if names.is_known(name) then
        names.admit(name)
        admitted = admitted + 1
    end
end
return admitted
