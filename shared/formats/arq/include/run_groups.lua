-- run_groups: counts the runs that a call ends, by groups of similar runs.
-- KEYS  none
-- DEFINES  GROUP_FIELDS, count_runs
-- INCLUDES  counting

-- The runs that a call ends come in groups, GROUP_FIELDS values each from ARGV[first] on, so that a job only names its
-- group's number: job name, status ('dead' is a failure that leaves a dead letter), the buckets of how long it waited
-- and ran ('' if it did not run), how many runs the group has, the sums of their waits and of their run times in ms,
-- how often each of them had crashed before, and, for display, the lane in which they ran ('' is the event loop).
local GROUP_FIELDS = 9

local function add_group(at, runs, by_name)
    local name, status = ARGV[at], ARGV[at + 1]
    local fields = by_name[name] or {}
    by_name[name] = fields
    local function add(field, by)
        if by > 0 then
            fields[field] = (fields[field] or 0) + by
        end
    end
    if status == 'dead' then
        add('dead', runs)
        status = 'failed'
    end
    add(status, runs)
    add('crashed', runs * ARGV[at + 7])
    if ARGV[at + 2] ~= '' then
        -- Some of a group may no longer belong to the worker: their share of the sums is left out.
        local part = runs / ARGV[at + 4]
        add('w' .. ARGV[at + 2], runs)
        add('r' .. ARGV[at + 3], runs)
        add('ws', math.floor(part * ARGV[at + 5]))
        add('rs', math.floor(part * ARGV[at + 6]))
    end
end

-- `runs_of` has the number of runs of each group.
local function count_runs(now, first, runs_of)
    local by_name = {}
    for group, runs in pairs(runs_of) do
        add_group(first + group * GROUP_FIELDS, runs, by_name)
    end
    for name, fields in pairs(by_name) do
        add_counts(now, name, fields)
    end
end
