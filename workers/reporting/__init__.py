"""What a worker says of itself: log, spans, progress, heartbeat, its record in Redis."""
