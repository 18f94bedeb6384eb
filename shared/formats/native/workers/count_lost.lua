-- count_lost: count runs whose leases were lost while their worker stayed alive.
-- KEYS  meta, live, absent
-- ARGV  1 how many
-- RETURNS  1
-- GUARANTEES  it changes only the counters.
-- INCLUDES  clock, counting
redis.call('DEL', ABSENT)
settle_counters(now_ms(), redis.call('HGET', META, 'second')) -- DUE
redis.pcall('HINCRBY', LIVE, 'lost\0', ARGV[1])
return 1
