"""The CPU child: the process beside a worker that runs its plain `def` jobs."""
