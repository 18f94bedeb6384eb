"""Examples of monarq, each beside the same work without it, one part after another.

This folder is installed as `monarq.examples`, as `monarq demo` runs it without a checkout. Its modules import each
other by that name.
"""
