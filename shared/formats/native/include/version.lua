-- version: the version of a queue's data, and whether its users know of all of its shards.
-- KEYS  meta
-- DEFINES  SHARDED, VERSION, is_newer, refusal_of
-- INCLUDES  none

-- The format's version, and behind it the features that a queue needs: that its users know of its shards.
local VERSION, SHARDED = '1', '1 shards'

-- Whether the queue is of a later version, or needs a feature that its caller does not know: it is left alone. Those who
-- know of shards ask for a refusal instead.
local function is_newer(version)
    return version and version ~= VERSION
end

-- What a caller is answered who believes in another number of shards; '' believes in one, as whoever never heard of any
-- does. {-2} the queue is of a later version, {-4, shards, before, opened} there are more, {-5} this shard is not opened
-- yet; nil where nothing is refused. Of fewer nothing is refused: an id that lives in a shard then lived there before.
local function refusal_of(version, believed)
    local believes = tonumber(believed) or 1
    if version == SHARDED then
        local told = redis.call('HMGET', META, 'shards', 'before', 'opened')
        local shards = tonumber(told[1]) or 1
        return shards > believes and {-4, shards, told[2], tonumber(told[3])} or nil
    end
    if is_newer(version) then
        return {-2}
    end
    return not version and believes > 1 and {-5} or nil
end
