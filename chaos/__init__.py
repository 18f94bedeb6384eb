"""Tests that nothing is lost: real workers, real faults, a ledger that no fault reaches, and a checker.

Run it as ``python -m chaos``; its results are in docs/reliability.md. It is not in the wheel.
"""
