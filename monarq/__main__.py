"""`python -m monarq`: the same as `monarq`."""

from monarq.cli import main

if __name__ == "__main__":
    main()
