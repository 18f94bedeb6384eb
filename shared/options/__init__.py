"""Options of a job's run: how long it may take, when it is tried again, how long its result is kept. Values only."""
