"""`python -m monarq.workers.process --control-fd N`, started by the supervisor and by nobody else."""

from monarq.workers.process.main import main

if __name__ == "__main__":
    main()
