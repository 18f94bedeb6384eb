-- version: the version of a queue's data, and whether its users know all of its shards.
-- KEYS  meta
-- DEFINES  SHARDED, VERSION, is_newer, refusal_of
-- INCLUDES  none

-- The format's version, followed by the features that a queue requires: that its users know its shards.
local VERSION, SHARDED = '1', '1 shards'

-- Whether the queue is of a later version, or requires a feature that its caller does not know: then it is left alone.
-- Callers that know shards use refusal_of instead.
local function is_newer(version)
    return version and version ~= VERSION
end

-- The refusal of a caller that knows another number of shards; '' stands for one, as from callers that do not know
-- shards. {-2} the queue is of a later version, {-4, shards, before, opened} there are more, {-5} this shard is not
-- open yet; nil for no refusal. If there are fewer, nothing is refused: an id that belongs to a shard then also did
-- before.
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
