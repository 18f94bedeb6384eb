"""A run of one job as values, without I/O: what is run, which try it is, what it raised, and its outcome."""
