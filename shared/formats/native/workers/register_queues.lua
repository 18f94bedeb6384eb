-- register_queues: put queues on the list of all queues, so that people see what waits where no worker serves it.
-- KEYS  queues
-- ARGV  then for each queue: name
-- RETURNS  1
-- GUARANTEES  of more than 1,000 those unused for the longest time are forgotten; repeating the call changes nothing else.
-- INCLUDES  clock, fleet_queues
list_queues(now_ms(), 1)
return 1
