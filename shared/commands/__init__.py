"""One step of a job's road each: a Lua script, and beside it the function that calls it.

A step is one call to Redis, batched, atomic, on Redis' clock, and may be repeated.
"""
