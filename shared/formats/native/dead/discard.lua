-- discard: delete dead letters.
-- KEYS  dead, absent
-- ARGV  then for each job: id
-- RETURNS  for each job, when it died if it had a letter, else nil
-- GUARANTEES  results are kept for as long as they would be. Repeating the call changes nothing.
-- INCLUDES  letters
local died = {}
for at = 1, #ARGV, 1 do
    died[at] = redis.call('ZSCORE', DEAD, ARGV[at])
end
drop_letters(ARGV)
return died
