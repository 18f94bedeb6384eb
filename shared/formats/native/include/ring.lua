-- ring: the results that are kept for an hour.
-- KEYS  results
-- DEFINES  keep_results
-- INCLUDES  none

-- Keeps results (id, result, id, result ...; at most 1,000; all of a list, or a part of it) for an hour. A key has
-- those of ten minutes. It is reused after 80 minutes, when it has expired. The last report of a job, if there is one,
-- is stored with its result: the field is NUL and the id, which cannot be an id.
local function keep_results(now, ids_and_results, first, last)
    local key = KEYS[RESULTS + math.floor(now / 600000) % 8]
    redis.call('HSET', key, unpack(ids_and_results, first or 1, last or #ids_and_results))
    local left = redis.call('PTTL', key)
    if left < 0 then
        -- A value over 64 bytes makes it a real hash: small ones are lists, which each access walks.
        redis.call('HSET', key, '\0', string.rep('x', 65))
    end
    if left < 3600000 then
        redis.call('PEXPIRE', key, 4200000)
    end
end
