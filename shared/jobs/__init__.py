"""Jobs: their declaration, options, retry policy and cron schedules."""
