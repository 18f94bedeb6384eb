-- discard: delete dead letters.
-- KEYS  DEAD, DEAD_LETTER
-- ARGV  then for each job: id
-- RETURNS  a code for each job: 1 its letter is gone, 0 there was none
-- GUARANTEES  results are kept for as long as they would be; repeating the call changes nothing.
-- INCLUDES  memory
allow_when_full()
local codes = {}
for at = 1, #ARGV, 1 do
    local id = ARGV[at]
    codes[#codes + 1] = redis.call('DEL', DEAD_LETTER .. id)
    redis.pcall('ZREM', DEAD, id)
end
return codes
