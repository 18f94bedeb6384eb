-- release: give back jobs that a run of a move has taken.
-- KEYS  RUN
-- ARGV  1 run   then for each job: id
-- RETURNS  how many were given back
-- GUARANTEES  they keep their places. Repeating the call changes nothing.
-- INCLUDES  memory, moving, reads
local token, freed = token_of(ARGV[1]), 0
allow_when_full()
for at = 2, #ARGV, 1 do
    if get(RUN .. ARGV[at]) == token then
        freed = freed + redis.call('DEL', RUN .. ARGV[at])
    end
end
return freed
