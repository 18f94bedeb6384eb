"""Commands on single jobs, from enqueue to end."""
