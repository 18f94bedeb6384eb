-- ownership: which jobs an incarnation still holds under the tokens of its claims.
-- KEYS  held
-- DEFINES  lost_of, sort_by_claim
-- INCLUDES  none

-- Of the jobs given in ARGV from `first` to `last`, as strides of {id, token, ...}, the ids of those that are not held
-- under that token; nil if the incarnation has ended for good.
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

-- Puts jobs, as {id, token, ...}, into the order in which they were claimed.
local function sort_by_claim(jobs)
    table.sort(jobs, function(a, b)
        local first, second = tonumber(string.sub(a[2], 2)) or 0, tonumber(string.sub(b[2], 2)) or 0
        if first ~= second then
            return first < second
        end
        return a[1] < b[1]
    end)
end
