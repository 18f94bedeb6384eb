-- clock: Redis' own time in ms, the only clock that is used.
-- KEYS  none
-- DEFINES  now_and_text, now_ms, now_us, whole
-- INCLUDES  none
local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The same, also as text: formatting a number for a command costs more than most commands.
local function now_and_text()
    local time = redis.call('TIME')
    local ms = string.sub('00000' .. time[2], -6, -4)
    return time[1] * 1000 + ms, time[1] .. ms
end

local function now_us()
    local time = redis.call('TIME')
    return time[1] * 1000000 + time[2]
end

-- A whole number, such as a time or score, as Redis needs it: never in Lua's own 1.4e+15 notation. Formatting it as an
-- integer costs a third, but a Lua built for 32 bits cannot do so above 2^31.
local function whole(number)
    if number < 1000000000 then
        return string.format('%.0f', number)
    end
    local below = number % 1000000000
    return string.format('%d%09d', (number - below) / 1000000000, below)
end
