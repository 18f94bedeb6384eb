"""Commands on single jobs, in the order of a job's road."""
