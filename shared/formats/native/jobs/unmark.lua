-- unmark: forget a marked enqueue, as the original of its copy is gone.
-- KEYS  barred, absent
-- ARGV  1 call: names the enqueue
-- RETURNS  1
-- GUARANTEES  it is barred for another hour, like every repeated call.
-- INCLUDES  clock
redis.call('ZADD', BARRED, 'XX', whole(now_ms()), ARGV[1])
return 1
