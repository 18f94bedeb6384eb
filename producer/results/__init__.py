"""Results, progress and status of enqueued jobs, for those who wait for them."""
