"""`monarq redis`."""
