-- close: end a move; the queue stays paused, and can be resumed.
-- KEYS  meta, absent
-- ARGV  1 run
-- RETURNS  1, or 0 if another run has taken over
-- GUARANTEES  repeating the call changes nothing.
-- INCLUDES  moving
if not is_run(ARGV[1]) then
    return 0
end
redis.call('DEL', ABSENT)
redis.call('HDEL', META, 'moving')
return 1
