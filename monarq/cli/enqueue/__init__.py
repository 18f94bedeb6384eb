"""`monarq enqueue`."""
