"""One file per peer: how jobs are enqueued and workers are started, in the way its own documentation calls fastest.

Each runs in an environment of its own without monarq's packages; `benchmarks/running/roster.py` lists what is
installed.
"""
