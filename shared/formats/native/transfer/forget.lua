-- forget: release the marks of moved jobs that are gone from the source.
-- KEYS  barred, absent
-- ARGV  1 until_ms: after which the call does nothing   2 kept_ms: how long late calls must still find them
--       then for each job: mark
-- RETURNS  1, or 0 if the call comes too late
-- GUARANTEES  repeating the call keeps them for longer.
-- INCLUDES  clock, types
local now, kept_ms = now_ms(), tonumber(ARGV[2])
check_zsets(BARRED)
if now > tonumber(ARGV[1]) then
    return 0
end
redis.call('DEL', ABSENT)
-- Beats delete entries that have been barred for an hour.
local since = now - 3600000
for at = 3, #ARGV, 1 do
    redis.call('ZADD', BARRED, 'XX', whole(since + kept_ms), ARGV[at])
end
redis.call('ZREMRANGEBYSCORE', BARRED, '-inf', whole(since))
return 1
