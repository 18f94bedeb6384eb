"""`monarq web`."""
