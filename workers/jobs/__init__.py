"""The road of a job through a worker: claim, check, run, result, acknowledgement, and cancellations on the way."""
