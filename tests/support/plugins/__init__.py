"""pytest plugins: time limits, stacks of hanging tests, a strict event loop, a check for leaked keys."""
