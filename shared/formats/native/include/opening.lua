-- opening: the version of a queue's data, written by the first call that stores anything in it.
-- KEYS  meta, payloads
-- DEFINES  open_queue, pad
-- INCLUDES  version

-- Redis keeps small hashes of short values as lists, which each access walks. One value of more than 64 bytes makes it
-- a real hash. Ids never begin with NUL.
local function pad()
    return string.rep('x', 65)
end

local function open_queue()
    redis.call('HSET', PAYLOADS, '\0', pad())
    redis.call('HSET', META, 'v', VERSION)
end
