"""A job's road through a worker: claim, precheck, run, result, acknowledge."""
