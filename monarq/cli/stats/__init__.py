"""`monarq stats`."""
