"""`monarq init`: creates a small working project."""
