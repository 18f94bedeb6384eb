-- opening: the version of a queue's data, written by the first that puts anything into it.
-- KEYS  meta, payloads
-- DEFINES  is_newer, open_queue, pad
-- INCLUDES  none

-- Redis keeps small hashes of short values in a list, where each access walks it. One value of more than 64 bytes
-- makes it a real hash. Ids never begin with NUL.
local function pad()
    return string.rep('x', 65)
end

-- The format's version, and behind it the features that a queue needs, of which there are none yet.
local VERSION = '1'

-- Whether the queue is of a later version, or needs a feature that this one does not know: it is left alone.
local function is_newer(version)
    return version and version ~= VERSION
end

local function open_queue()
    redis.call('HSET', PAYLOADS, '\0', pad())
    redis.call('HSET', META, 'v', VERSION)
end
