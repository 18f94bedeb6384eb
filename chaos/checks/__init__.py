"""The ledger, and the checker that reads it."""
