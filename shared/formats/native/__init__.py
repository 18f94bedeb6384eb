"""The native format: a small, fixed set of keys per queue, all in one slot of a cluster and passed to scripts in KEYS.

`keys.py` spells the keys, and says what each of them holds. A command is one call to Redis, batched and atomic, by
Redis' clock. Ids lie side by side in ARGV, so that one command serves a whole batch; a loop over jobs in Lua is for
what is rare. A script that fails half-way is not rolled back, so nothing may fail after its first write, and that
must be one that is allowed when Redis is out of memory.
"""
