-- wake: wake one idle worker of a lane, because there is work.
-- KEYS  none
-- ARGV  1 lane: 'io' or 'cpu'
-- RETURNS  1
-- GUARANTEES  there is at most one note, for at most a minute; repeating the call changes nothing.
-- INCLUDES  wake
local lane = ARGV[1]
wake(lane)
return 1
