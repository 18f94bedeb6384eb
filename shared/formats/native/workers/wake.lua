-- wake: wake another worker, as the woken one cannot use the wake-up.
-- KEYS  lane_queued, lane_idle, absent
-- ARGV  none
-- RETURNS  1
-- GUARANTEES  at most one worker is woken, and only if a job waits.
-- INCLUDES  wake
if redis.call('EXISTS', LANE_QUEUED) == 1 then
    wake(LANE_IDLE, LANE_QUEUED)
end
return 1
