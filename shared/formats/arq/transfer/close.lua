-- close: end a move; the queue stays paused, and can be resumed.
-- KEYS  MOVING
-- ARGV  1 run
-- RETURNS  1, or 0 if another run has taken over
-- GUARANTEES  repeating the call changes nothing.
-- INCLUDES  memory, moving
if not is_run(ARGV[1]) then
    return 0
end
allow_when_full()
redis.call('DEL', MOVING)
return 1
