"""The harness of the examples: a pool for the duration of a script, a slow server, and the comparison of two ways."""
