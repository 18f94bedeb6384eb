-- browse_running: read some of the jobs that an incarnation holds, and what is known about each.
-- KEYS  held
-- ARGV  1 limit   2 head: bytes to read of a payload's beginning   3 tail: bytes to read of its end
--       4 cursor of HSCAN   5 skip: how many jobs of its step were on earlier pages
-- RETURNS  {now_ms, the next cursor, the next skip, then for each job: id, token, note, cancel_asked_ms, bytes of its
--          payload or -1, head, tail}; the cursor is '0' and skip 0 if there are no more
-- GUARANTEES  it changes nothing. A job that is held all the time is on one of the pages.
-- INCLUDES  clock, describing
local limit, head, tail, skip = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[5])
local step = redis.call('HSCAN', HELD, ARGV[4], 'COUNT', 100)
local reply, passed = {now_ms(), step[1], 0}, 0
for at = 1, #step[2], 2 do
    local id = step[2][at]
    if string.byte(id) ~= 0 then
        if passed >= skip + limit then
            reply[2], reply[3] = ARGV[4], passed
            break
        end
        passed = passed + 1
        if passed > skip then
            reply[#reply + 1], reply[#reply + 2] = id, step[2][at + 1]
            append_described(reply, id, head, tail)
        end
    end
end
return reply
