-- tidy: delete expired data of a queue.
-- KEYS  absent
-- ARGV  1 limit: of each kind, how much at most, up to 1,000
-- RETURNS  1
-- GUARANTEES  it is asked of each queue again and again, also where nobody holds a job. So nothing that is over stays.
-- INCLUDES  clock, tidying
redis.call('DEL', ABSENT)
tidy(now_ms(), tonumber(ARGV[1]))
return 1
