-- trails: a job's rare events, recorded for display.
-- KEYS  trails, ends
-- DEFINES  DAY, add_to_trail, drop_trails
-- INCLUDES  clock
local DAY = 86400000

-- Adds an event to a job's trail: when, what, and a few words. A job that simply ends well has none.
local function add_to_trail(id, what, words, keep_ms, now)
    local MOST_LINES, MOST_BYTES = 20, 2048
    -- Its end first: no trail stays forever.
    if type(redis.pcall('ZADD', ENDS, 'GT', whole(now + keep_ms), 't' .. id)) == 'table' then
        return
    end
    local line = string.gsub(whole(now) .. ' ' .. what .. ' ' .. words, '%c', ' ')
    local trail, lines = string.sub(line, 1, MOST_BYTES), 1
    local before = redis.pcall('HGET', TRAILS, id)
    if type(before) == 'string' then
        local _, breaks = string.gsub(before, '\n', '')
        trail, lines = before .. '\n' .. trail, breaks + 2
    end
    while lines > MOST_LINES or #trail > MOST_BYTES do
        trail, lines = string.gsub(trail, '^[^\n]*\n', ''), lines - 1
    end
    redis.pcall('HSET', TRAILS, id, trail)
end

local function drop_trails(ids)
    local members = {}
    for i, id in ipairs(ids) do
        members[i] = 't' .. id
    end
    redis.call('HDEL', TRAILS, unpack(ids))
    redis.call('ZREM', ENDS, unpack(members))
end
