"""Results, progress and states of enqueued jobs."""
