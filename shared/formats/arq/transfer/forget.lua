-- forget: release the marks of moved jobs that are gone from the source.
-- KEYS  MARKS
-- ARGV  1 until_ms: after which the call does nothing   2 kept_ms: how long late calls must still find them
--       then for each job: mark
-- RETURNS  1, or 0 if the call comes too late
-- GUARANTEES  repeating the call keeps them for longer.
-- INCLUDES  clock, memory
local now, kept_ms = now_ms(), tonumber(ARGV[2])
redis.call('ZCARD', MARKS)
if now > tonumber(ARGV[1]) then
    return 0
end
allow_when_full()
for at = 3, #ARGV, 1 do
    redis.call('ZADD', MARKS, 'XX', ms(now + kept_ms), ARGV[at])
end
redis.call('ZREMRANGEBYSCORE', MARKS, '-inf', ms(now))
if redis.call('ZCOUNT', MARKS, '+inf', '+inf') == 0 then
    redis.call('PEXPIRE', MARKS, kept_ms)
end
return 1
