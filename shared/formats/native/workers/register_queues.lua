-- register_queues: put queues on the list of all queues, so that their jobs are seen even if no worker serves them.
-- KEYS  queues
-- ARGV  then for each queue: name
-- RETURNS  1
-- GUARANTEES  if there are more than 1,000, those unused for longest are forgotten; repeating the call changes nothing
--             else.
-- INCLUDES  clock, fleet_queues
list_queues(now_ms(), 1)
return 1
