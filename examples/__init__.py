"""What monarq does for a program, each example beside the same work done one thing after the other.

This folder is installed as `monarq.examples`, by which its modules import each other: `monarq demo` runs them where
there is no checkout.
"""
