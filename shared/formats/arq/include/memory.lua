-- memory: lets a script write while Redis is full.
-- KEYS  BASE
-- DEFINES  allow_when_full
-- INCLUDES  none

-- A full Redis refuses commands that may use more memory, except in a script that has already written. Scripts that lead
-- to memory being freed, by letting jobs run and end, begin with this.
local function allow_when_full()
    redis.call('DEL', BASE .. 'none')
end
