-- clock: Redis' own time in ms, the one clock for all, and times to live.
-- KEYS  none
-- DEFINES  HOUR, DAY, WEEK, now_ms, now_us, ms, ttl
-- INCLUDES  none
local HOUR = 3600000
local DAY = 24 * HOUR
local WEEK = 7 * DAY
local CENTURY = 36525 * DAY

local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function now_us()
    local time = redis.call('TIME')
    return time[1] * 1000000 + time[2]
end

-- A score or a time as Redis wants it: never in Lua's own 1.4e+15 notation.
local function ms(number)
    if number == math.floor(number) then
        return string.format('%.0f', number)
    end
    return string.format('%.1f', number)
end

-- A time to live, given as text or number: Redis refuses one that it cannot add to its clock.
local function ttl(given)
    return tonumber(given) < CENTURY and given or CENTURY
end
