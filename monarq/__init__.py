"""monarq."""
