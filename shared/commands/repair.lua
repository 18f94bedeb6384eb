-- repair: give back at once what a worker held that is known to be dead.
-- ARGV  1 worker   2 what happened to it, in a few words
-- RETURNS  the ids that are free again
-- GUARANTEES  a job that another has claimed meanwhile is not touched; repeating the call changes nothing.
local worker, what = ARGV[1], ARGV[2]
redis.call('ZCARD', QUEUE)
local held = redis.pcall('HGETALL', LEASES .. worker)
even_when_full()
local moment = now_ms()
local now = ms(moment)
local freed = {}
for i = 1, #held, 2 do
    local id, token = held[i], held[i + 1]
    if get(RUN .. id) == token then
        local lane = lane_of(id)
        note_crash(id, what)
        place(id, lane, now)
        redis.call('DEL', RUN .. id)
        wake(lane)
        freed[#freed + 1] = id
    end
end
redis.call('DEL', LEASES .. worker, WORKER .. worker)
redis.pcall('ZREM', WORKERS, worker)
if #freed > 0 then
    count(moment, 'crashed', #freed)
end
return freed
