-- moving: which run of a move may take jobs from the queue.
-- KEYS  MOVING
-- DEFINES  is_run, is_token, token_of
-- INCLUDES  reads

local function is_run(run)
    return string.match(get(MOVING) or '', '^%S+') == run
end

-- Runs lease jobs under tokens of their own. That of an earlier run stands for nobody.
local function token_of(run)
    return 'move:' .. run
end

local function is_token(owner)
    return string.sub(owner, 1, 5) == 'move:'
end
