-- dead_letters: letters left by jobs that will not run again.
-- KEYS  JOB, RETRY, HISTORY, DEAD, DEAD_LETTER
-- DEFINES  leave_letters
-- INCLUDES  clock

-- Leaves the letters that are in ARGV from `first` on: place of the job (from 1), name, letter, keep_dead_ms. Those of
-- jobs whose id is not at one of the positions `mine` are skipped. Ids begin at ARGV[first_id], results at
-- ARGV[first_result]. Functions of a piece cost every call, so those of this rare step are inside.
local function leave_letters(now, max_dead, first, mine, first_id, first_result)
    local died, longest_ms, is_mine = {}, 0, {}
    for _, at in ipairs(mine) do
        is_mine[at] = true
    end

    local function leave(id, name, letter, keep_dead_ms, result)
        local known = redis.call('MGET', JOB .. id, RETRY .. id)
        redis.call('DEL', DEAD_LETTER .. id)
        redis.call('HSET', DEAD_LETTER .. id, 'name', name, 'letter', letter, 'payload', known[1] or '',
            'has_payload', known[1] and 1 or 0, 'tries', known[2] or 0, 'died_ms', ms(now),
            'result_end', string.sub(result, -200))
        redis.call('PEXPIRE', DEAD_LETTER .. id, ttl(keep_dead_ms))
        redis.call('PEXPIRE', HISTORY .. id, ttl(keep_dead_ms))
        longest_ms = math.max(longest_ms, tonumber(keep_dead_ms))
        died[#died + 1], died[#died + 2] = ms(now), id
    end

    -- Lists the new dead letters, and removes the oldest from the list: those over max_dead, which are deleted, and
    -- expired ones. Workers may keep dead letters for different times, so the list lives as long as the longest.
    local function list()
        if type(redis.pcall('ZADD', DEAD, unpack(died))) == 'table' then
            return
        end
        redis.call('PEXPIRE', DEAD, ttl(math.max(longest_ms, redis.call('PTTL', DEAD))))
        local surplus = redis.call('ZCARD', DEAD) - max_dead
        for removed = 0, 999 do
            local oldest = redis.call('ZRANGE', DEAD, 0, 0)[1]
            if not oldest or removed >= surplus and redis.call('EXISTS', DEAD_LETTER .. oldest) == 1 then
                return
            end
            redis.call('DEL', DEAD_LETTER .. oldest)
            redis.call('ZREM', DEAD, oldest)
        end
    end

    for at = first, #ARGV, 4 do
        local place = ARGV[at] - 1
        if is_mine[first_id + place] then
            leave(ARGV[first_id + place], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[first_result + place])
        end
    end
    if #died > 0 then
        list()
    end
end
