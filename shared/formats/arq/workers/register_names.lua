-- register_names: register which jobs a worker of the queue knows, so that they are counted by their names.
-- KEYS  UNKNOWN_NAMES, KNOWN_NAMES
-- ARGV  then for each job: name
-- RETURNS  how many of the names had been enqueued before any worker knew them
-- GUARANTEES  earlier counts of a name that no worker knew are now counted by the name. Workers register their names
--             once an hour: names that none has registered for a day are forgotten.
-- INCLUDES  clock, counting, memory
allow_when_full()
local now = now_ms()
for at = 1, #ARGV, 1 do
    redis.pcall('ZADD', KNOWN_NAMES, ms(now), string.sub(ARGV[at], 1, 200))
end
redis.pcall('ZREMRANGEBYSCORE', KNOWN_NAMES, '-inf', ms(now - DAY))
redis.call('PEXPIRE', KNOWN_NAMES, DAY)
local names, admitted = counted_names(now), 0
for _, name in ipairs(redis.pcall('ZRANGE', UNKNOWN_NAMES, 0, 49)) do
    if names.is_known(name) then
        names.admit(name)
        admitted = admitted + 1
    end
end
return admitted
