"""The commands of queues: each is a Lua script, next to the function that calls it.

A command is one call to Redis, batched and atomic, by Redis' clock, and may be repeated. `include` has the pieces that
scripts share.

A script that fails half-way is not rolled back, so nothing may fail after its first write. A job's keys are read by
MGET, for which a key of a wrong type does not exist, and written by SET and DEL, which replace it. A script that puts
jobs into QUEUE first checks its type. Commands that only inform people, wake workers or save time are called by pcall,
so that a key of a wrong type stops no job.
"""
