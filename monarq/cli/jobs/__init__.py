"""`monarq jobs`."""
