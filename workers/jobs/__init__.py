"""The path of a job through a worker: claim, check, run, result, acknowledgement, and cancellation."""
