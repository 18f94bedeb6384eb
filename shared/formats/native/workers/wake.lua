-- wake: wake another worker, as the one that was woken has no use for it.
-- KEYS  lane_queued, lane_idle, absent
-- ARGV  none
-- RETURNS  1
-- GUARANTEES  at most one worker is woken, and only where a job waits.
-- INCLUDES  wake
if redis.call('EXISTS', LANE_QUEUED) == 1 then
    wake(LANE_IDLE, LANE_QUEUED)
end
return 1
