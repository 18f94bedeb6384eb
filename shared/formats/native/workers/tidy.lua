-- tidy: delete expired data of a queue.
-- KEYS  absent
-- ARGV  1 limit: the most items of each kind, up to 1,000
-- RETURNS  1
-- GUARANTEES  it is called for each queue periodically, even if nobody holds a job, so that no expired data stays.
-- INCLUDES  clock, tidying
redis.call('DEL', ABSENT)
tidy(now_ms(), tonumber(ARGV[1]))
return 1
