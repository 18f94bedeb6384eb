"""The lanes, in which a job's code runs. Each stops a job in its own way: it cancels, kills or abandons it."""
