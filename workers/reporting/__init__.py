"""The reports of a worker: log, spans, progress, process statistics, and its record in Redis."""
