-- moving: which run of a move may take jobs from the queue.
-- KEYS  MOVING
-- DEFINES  is_run, is_token, token_of
-- INCLUDES  reads

local function is_run(run)
    return string.match(get(MOVING) or '', '^%S+') == run
end

-- Each run leases jobs under its own token. The token of an earlier run is void.
local function token_of(run)
    return 'move:' .. run
end

local function is_token(owner)
    return string.sub(owner, 1, 5) == 'move:'
end
