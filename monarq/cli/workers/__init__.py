"""`monarq workers`."""
