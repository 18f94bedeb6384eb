"""`monarq dead`."""
