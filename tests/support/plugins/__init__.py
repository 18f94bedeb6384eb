"""What pytest runs beside the tests: time limits, stacks of what hangs, a strict loop, a check for leaked keys."""
