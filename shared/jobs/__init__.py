"""What a job is: its declaration, options, retries and schedules."""
