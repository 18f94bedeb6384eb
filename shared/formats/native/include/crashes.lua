-- crashes: counts the crash of jobs whose process or worker has died, and puts them back.
-- KEYS  meta, queued, queued_cpu, idle, idle_cpu, notes, live
-- DEFINES  check_targets, return_crashed
-- INCLUDES  counting, notes, placing, trails, types

-- Call it before the jobs are removed from their holder.
local function check_targets()
    check_zsets(QUEUED, QUEUED_CPU)
    check_hashes(NOTES)
end

-- Jobs are {id, token, what happened}; the letter of a token is that of the lane queue from which they came.
local function return_crashed(now, jobs)
    local io, cpu = {}, {}
    for _, job in ipairs(jobs) do
        local note = read_note(redis.call('HGET', NOTES, job[1]))
        note.crashes, note.text, note.unknown_ms, note.due_ms = note.crashes + 1, job[3], 0, now
        write_note(job[1], note)
        add_to_trail(job[1], 'crashed', job[3], 86400000, now)
        local list = string.sub(job[2], 1, 1) == 'c' and cpu or io
        list[#list + 1] = job[1]
    end
    put_at_head(QUEUED, IDLE, now, io)
    put_at_head(QUEUED_CPU, IDLE_CPU, now, cpu)
    settle_counters(now, redis.call('HGET', META, 'second')) -- DUE
    redis.pcall('HINCRBY', LIVE, 'crashed\0', #jobs)
end
