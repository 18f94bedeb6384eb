"""The proof that nothing is lost: real workers, real faults, a ledger that Redis cannot touch, and a checker.

Run it as ``python -m chaos``; docs/reliability.md has what it showed. It is not in the wheel.
"""
