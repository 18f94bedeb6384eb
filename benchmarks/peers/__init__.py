"""One file a peer: how it is fed and how its workers are started, as its own documentation says is fastest.

Each runs in an environment of its own, in which nothing of monarq's is installed: `benchmarks/running/roster.py` says
what is.
"""
