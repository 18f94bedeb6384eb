"""Examples of monarq, each compared with the same work without it, one part after another.

This folder is installed as `monarq.examples`, so that `monarq demo` can run it without a checkout. Its modules import
each other by that name.
"""
