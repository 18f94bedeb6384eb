-- rates: the counts of a queue over the last minutes, in steps of some seconds; its histograms are left out.
-- KEYS  SECOND
-- ARGV  1 step_s: the length of a step   2 steps: how many, including the current one
-- RETURNS  {now_ms, second at which the oldest step begins, jobs enqueued in the last whole seconds (5), then for each
--          step, oldest first: enqueued, started, succeeded, failed, cancelled, retried, handed_back, dead, crashed,
--          lost}
-- GUARANTEES  it changes nothing; the current second is in no step.
-- INCLUDES  clock
local step_s, steps, now = tonumber(ARGV[1]), tonumber(ARGV[2]), now_ms()
local second = math.floor(now / 1000)
local oldest = (math.floor((second - 1) / step_s) - steps + 1) * step_s

local lately = 0
for back = 1, 5 do
    lately = lately + (tonumber(redis.call('HGET', SECOND .. second - back, 'enqueued')) or 0)
end

local reply = {now, oldest, lately}
for start = oldest, second - 1, step_s do
    local sums = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
    for at = start, math.min(start + step_s, second) - 1 do
        local counts = redis.call('HMGET', SECOND .. at, 'enqueued', 'started', 'succeeded', 'failed', 'cancelled', 'retried',
            'handed_back', 'dead', 'crashed', 'lost')
        for field = 1, #sums do
            sums[field] = sums[field] + (tonumber(counts[field]) or 0)
        end
    end
    reply[#reply + 1] = sums
end
return reply
