-- notes: the unusual state of a job: used tries, crashes, since when no worker has known its name.
-- KEYS  notes
-- DEFINES  LARGE, read_note, write_note
-- INCLUDES  clock

-- A note is "<tries> <crashes> <unknown_ms> <due_ms> <flags>|<text>". Most jobs have none.
local LARGE = 16384 -- bytes of a payload from which on it is noted, so that a claim reads it alone
local NOTE = '^(%d+) (%d+) (%d+) (%d+) (%S+)|(.*)$'

local function read_note(note)
    local tries, crashes, unknown_ms, due_ms, flags, text = string.match(note or '', NOTE)
    return {
        tries = tonumber(tries) or 0,
        crashes = tonumber(crashes) or 0,
        unknown_ms = tonumber(unknown_ms) or 0,
        due_ms = tonumber(due_ms) or 0,
        flags = flags or '-',
        text = text or '',
    }
end

local function write_note(id, note)
    local numbers = {whole(note.tries), whole(note.crashes), whole(note.unknown_ms), whole(note.due_ms)}
    redis.call('HSET', NOTES, id, table.concat(numbers, ' ') .. ' ' .. note.flags .. '|' .. note.text)
end
