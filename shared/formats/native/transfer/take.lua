-- take: read a page of a set of waiting jobs for a run of a move, with everything that is moved along.
-- KEYS  queued, queued_cpu, deferred, deferred_cpu, payloads, notes, cancels, trails, progress
-- ARGV  1 run   2 set: 'queued', 'queued:cpu', 'deferred' or 'deferred:cpu'   3 skip: how many of the first are skipped
--       4 limit   5 most_bytes of payloads, after which no further job is read
-- RETURNS  {now_ms, how many members the call scanned or -1 at the end of the set, of these how many have no payload,
--          then for each job: id, payload, when it is due or since when it has been queued in ms with five decimal
--          places, note, cancel_asked_ms, trail, progress}, '' for missing values; {-1} if another run has taken over
-- GUARANTEES  it changes nothing: as the queue is paused and cannot be resumed, nobody else takes the jobs.
-- INCLUDES  clock, moving, order
local set, skip, limit, most_bytes = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if not is_run(ARGV[1]) then
    return {-1}
end
local sets = {
    ['queued'] = {QUEUED, queued_ms}, ['queued:cpu'] = {QUEUED_CPU, queued_ms},
    ['deferred'] = {DEFERRED, tonumber}, ['deferred:cpu'] = {DEFERRED_CPU, tonumber},
}
local source, ms_of = unpack(sets[set])
local page = redis.call('ZRANGE', source, skip, skip + limit - 1, 'WITHSCORES')
local reply, bytes = {now_ms(), #page > 0 and 0 or -1, 0}, 0
for at = 1, #page, 2 do
    if bytes >= most_bytes then
        break
    end
    local id = page[at]
    local payload = redis.call('HGET', PAYLOADS, id)
    reply[2] = reply[2] + 1
    if payload then
        bytes = bytes + #payload
        for _, value in ipairs({
            id, payload, string.format('%.5f', ms_of(page[at + 1])), redis.call('HGET', NOTES, id) or '',
            redis.call('ZSCORE', CANCELS, id) or '', redis.call('HGET', TRAILS, id) or '',
            redis.call('HGET', PROGRESS, id) or '',
        }) do
            reply[#reply + 1] = value
        end
    else
        reply[3] = reply[3] + 1
    end
end
return reply
