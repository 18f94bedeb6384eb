"""The commands of queues: a Lua script each, and beside it the function that calls it.

A command is one call to Redis, batched and atomic, by Redis' clock, and may be repeated. `include` has the pieces of
which scripts are made.

A script that fails half-way is not rolled back, so nothing may fail after its first write. What belongs to a job is
read by MGET, for which a key of a wrong type does not exist, and written by SET and DEL, which replace it. A script
that puts jobs into QUEUE asks for its type before. What only informs people, wakes workers or saves time is called by
pcall: a key of a wrong type there stops no job.
"""
