-- wake: wake one idle worker of a lane, as there is work.
-- KEYS  none
-- ARGV  1 lane: 'io' or 'cpu'
-- RETURNS  1
-- GUARANTEES  at most one note lies there, and for a minute at the longest; repeating the call changes nothing.
-- INCLUDES  wake
local lane = ARGV[1]
wake(lane)
return 1
