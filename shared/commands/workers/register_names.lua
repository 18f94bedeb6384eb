-- register_names: tell which jobs a worker of the queue knows, so that they are counted by their names.
-- ARGV  then for each job: name
-- RETURNS  how many names producers had told of, and no worker before
-- GUARANTEES  what was counted of a name before any worker knew it is counted by the name from now on.
-- Each worker tells it once an hour: what none has told for a day is forgotten.
even_when_full()
local now = now_ms()
for at = 1, #ARGV, 1 do
    redis.pcall('ZADD', KNOWN, ms(now), string.sub(ARGV[at], 1, 200))
end
redis.pcall('ZREMRANGEBYSCORE', KNOWN, '-inf', ms(now - DAY))
redis.call('PEXPIRE', KNOWN, DAY)
local names, admitted = naming(now), 0
for _, name in ipairs(redis.pcall('ZRANGE', HEARD, 0, 49)) do
    if names.is_known(name) then
        names.admit(name)
        admitted = admitted + 1
    end
end
return admitted
