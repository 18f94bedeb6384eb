-- listed_queues: the list of all queues.
-- KEYS  queues
-- ARGV  none
-- RETURNS  {{name of each queue, most recently used first}, {those of them that nobody has used for a week}}; 1,000 at most
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock
local MOST_QUEUES, WEEK = 1000, 7 * 86400000
local names = redis.call('ZREVRANGE', QUEUES, 0, MOST_QUEUES - 1)
return {names, redis.call('ZRANGEBYSCORE', QUEUES, '-inf', whole(now_ms() - WEEK), 'LIMIT', 0, MOST_QUEUES)}
