-- describing: reads the displayed data of a job that has not ended.
-- KEYS  payloads, notes, cancels
-- DEFINES  append_described
-- INCLUDES  none

-- Bytes of payloads that one call reads, as a hash's value can only be read whole. Beyond that, only sizes are read.
local READABLE = 4 * 1024 * 1024

-- Appends the note, the ms of a cancellation request ('' if there is none), the bytes of the payload (-1 if it is
-- gone), and of these the first `head` and, if there are more, the last `tail`.
local function append_described(reply, id, head, tail)
    local size, first, last = redis.call('HSTRLEN', PAYLOADS, id), '', ''
    if size == 0 and redis.call('HEXISTS', PAYLOADS, id) == 0 then
        size = -1
    elseif size <= READABLE then
        READABLE = READABLE - size
        local payload = redis.call('HGET', PAYLOADS, id)
        first = string.sub(payload, 1, head)
        last = size > head and string.sub(payload, -tail) or ''
    end
    for _, value in ipairs({redis.call('HGET', NOTES, id) or '', redis.call('ZSCORE', CANCELS, id) or '', size, first, last}) do
        reply[#reply + 1] = value
    end
end
