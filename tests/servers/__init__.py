"""The tests of all that Redis executes, on each server that pip can bring: `make test-servers`."""
