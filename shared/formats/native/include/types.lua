-- types: finds keys of a wrong type before a script writes anything.
-- KEYS  none
-- DEFINES  check_hashes, check_zsets
-- INCLUDES  none

-- A command on a key of a wrong type fails, and earlier writes of the script stay. So scripts that move jobs check
-- the keys that come later first.
local function check_zsets(...)
    for _, key in ipairs({...}) do
        redis.call('ZCARD', key)
    end
end

local function check_hashes(...)
    for _, key in ipairs({...}) do
        redis.call('HLEN', key)
    end
end
