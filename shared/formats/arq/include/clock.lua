-- clock: Redis' own time in ms, the only clock that is used, and TTLs.
-- KEYS  none
-- DEFINES  HOUR, DAY, WEEK, now_ms, now_and_text, now_us, ms, ttl
-- INCLUDES  none
local HOUR = 3600000
local DAY = 24 * HOUR
local WEEK = 7 * DAY
local CENTURY = 36525 * DAY

local function now_ms()
    local time = redis.call('TIME')
    return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- The same, also as text: formatting a number for a command costs as much as a small command.
local function now_and_text()
    local time = redis.call('TIME')
    local ms = string.sub('00000' .. time[2], -6, -4)
    return time[1] * 1000 + ms, time[1] .. ms
end

local function now_us()
    local time = redis.call('TIME')
    return time[1] * 1000000 + time[2]
end

-- A score or time as Redis needs it: never in Lua's own 1.4e+15 notation. Lua formats a whole number at a third of the
-- cost of another, but if built for 32 bits only one below 2^31.
local function ms(number)
    local below = number % 1000000000
    if number < 1000000000 then
        return string.format(number % 1 == 0 and '%.0f' or '%.1f', number)
    elseif below % 1 == 0 then
        return string.format('%d%09d', (number - below) / 1000000000, below)
    end
    return string.format('%.1f', number)
end

-- A TTL, given as text or number: Redis refuses one that it cannot add to its clock.
local function ttl(given)
    return tonumber(given) < CENTURY and given or CENTURY
end
