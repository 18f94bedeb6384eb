-- ownership: which jobs an incarnation still holds under the tokens of its claims.
-- KEYS  held
-- DEFINES  lost_of
-- INCLUDES  none

-- Of the jobs given in ARGV from `first` to `last`, as strides of {id, token, ...}, the ids of those that are not held
-- under that token; nil where the incarnation may never act again.
local function lost_of(first, last, stride)
    local ids = {}
    for at = first, last, stride do
        ids[#ids + 1] = ARGV[at]
    end
    local held, lost = redis.call('HMGET', HELD, '\0', unpack(ids)), {}
    if not held[1] then
        return nil
    end
    for i, id in ipairs(ids) do
        if held[i + 1] ~= ARGV[first + (i - 1) * stride + 1] then
            lost[#lost + 1] = id
        end
    end
    return lost
end
