"""`python -m monarq.workers.process --control-fd N`; only the supervisor starts it."""

from monarq.workers.process.main import main

if __name__ == "__main__":
    main()
