"""`monarq queue`."""
