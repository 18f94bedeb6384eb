"""The ledger, the checker that reads it, what is left in Redis, and the limits that an outcome must keep."""
