"""Results, progress and states of enqueued jobs, for those who wait for them."""
