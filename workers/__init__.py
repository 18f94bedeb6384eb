"""Takes jobs out of Redis and runs them: supervisor, worker process, jobs, lanes, leases, cron."""
