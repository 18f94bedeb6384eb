-- release_claim: release the jobs of a claim whose reply never came, as nobody runs them.
-- KEYS  QUEUE, RUN, LEASES, REVOKED
-- ARGV  1 worker   2 token of the claim
-- RETURNS  how many jobs are free again
-- GUARANTEES  no try is used and no crash is counted; if the claim arrives only now, delayed by the network, it takes
--             nothing; repeating the call changes nothing.
-- INCLUDES  clock, counting, lanes, memory, reads, wake
local worker, token = ARGV[1], ARGV[2]
redis.call('ZCARD', QUEUE)
local held = redis.call('HGETALL', LEASES .. worker)
allow_when_full()
redis.call('SET', REVOKED .. token, 1, 'PX', HOUR)
local now = now_ms()
local freed = 0
for i = 1, #held, 2 do
    local id = held[i]
    if held[i + 1] == token then
        redis.call('HDEL', LEASES .. worker, id)
        if get(RUN .. id) == token then
            local lane = lane_of(id)
            put_in_queue(id, lane, head_due(lane, now))
            redis.call('DEL', RUN .. id)
            wake(lane)
            freed = freed + 1
        end
    end
end
if freed > 0 then
    count(now, 'handed_back', freed)
end
return freed
