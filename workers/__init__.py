"""Takes jobs out of Redis and runs them: supervisor, worker process, lanes, leases, background."""
