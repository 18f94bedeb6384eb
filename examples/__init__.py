"""What monarq does for a program, each example beside the same work done one thing after the other.

In a checkout this is `examples`, in an installed monarq it is `monarq.examples`, which `monarq demo` runs: that is why
the modules in here import each other by a dot.
"""
