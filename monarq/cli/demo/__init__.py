"""`monarq demo`."""
