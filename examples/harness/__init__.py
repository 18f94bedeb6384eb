"""The harness of the examples: a pool for the time of a script, a slow server, and the comparison of two ways."""
