"""The lanes: where a job's code runs. Each stops a job in its own way: cancelled, killed, abandoned."""
