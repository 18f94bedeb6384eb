-- unmark: forget a marked enqueue, as what it was a copy of is gone.
-- KEYS  barred, absent
-- ARGV  1 call: names the enqueue
-- RETURNS  1
-- GUARANTEES  it is barred for another hour, as every call that was repeated.
-- INCLUDES  clock
redis.call('ZADD', BARRED, 'XX', whole(now_ms()), ARGV[1])
return 1
