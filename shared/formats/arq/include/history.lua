-- history: a job's rare events, recorded for display, and its crashes.
-- KEYS  CRASH, HISTORY
-- DEFINES  add_to_history, note_crash
-- INCLUDES  clock, reads

-- Adds an event to a job's history: when, what, and a few words. A job that simply ends well has none.
local function add_to_history(id, what, words, keep_ms)
    redis.pcall('RPUSH', HISTORY .. id, ms(now_ms()) .. ' ' .. what .. ' ' .. words)
    redis.pcall('LTRIM', HISTORY .. id, -20, -1)
    redis.call('PEXPIRE', HISTORY .. id, ttl(keep_ms or DAY))
end

-- Writes and returns the note that a job has crashed again, and why.
local function note_crash(id, what)
    local before = get(CRASH .. id)
    local crashes = (before and tonumber(string.match(before, '^%d+')) or 0) + 1
    local note = crashes .. ' ' .. what
    redis.call('SET', CRASH .. id, note, 'PX', WEEK)
    add_to_history(id, 'crashed', what)
    return note
end
