"""Commands on jobs: enqueue, claim, report progress, finish, requeue, cancel."""
