-- ghosts: members of the queue whose jobs have ended.
-- KEYS  QUEUE, CPU, RESULT, NO_RESULT, RETRY, CRASH, ABORT
-- DEFINES  drop_ghost
-- INCLUDES  none

-- A member whose job has ended is a ghost: arq's abort() and Retry can put it back. The job must not end again.
local function drop_ghost(id)
    if redis.call('EXISTS', RESULT .. id, NO_RESULT .. id) == 0 then
        return false
    end
    redis.call('DEL', RETRY .. id, CRASH .. id)
    redis.pcall('ZREM', QUEUE, id)
    redis.pcall('ZREM', CPU, id)
    redis.pcall('ZREM', ABORT, id)
    return true
end
