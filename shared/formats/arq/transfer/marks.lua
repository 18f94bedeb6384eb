-- marks: list the marks of moved jobs that are kept until the jobs are gone from the source.
-- KEYS  MARKS
-- ARGV  1 prefix: of the wanted marks   2 skip: how many marks of any source are skipped   3 limit
-- RETURNS  {now_ms, how many marks of any source the call scanned, then each wanted mark}
-- GUARANTEES  it changes nothing.
-- INCLUDES  clock
local prefix, skip, limit = ARGV[1], ARGV[2], ARGV[3]
local page = redis.call('ZRANGEBYSCORE', MARKS, '+inf', '+inf', 'LIMIT', skip, limit)
local reply = {now_ms(), #page}
for _, mark in ipairs(page) do
    if string.sub(mark, 1, #prefix) == prefix then
        reply[#reply + 1] = mark
    end
end
return reply
