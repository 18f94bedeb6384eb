"""Entry point of `python -m monarq.workers.lanes.cpu_child`, which the CPU lane starts."""

from monarq.workers.lanes.cpu_child.main import main

if __name__ == "__main__":
    main()
