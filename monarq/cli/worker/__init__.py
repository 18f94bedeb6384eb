"""`monarq worker`."""
