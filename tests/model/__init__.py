"""The scripts against a model of them, the rules against every interleaving, and the readers against any bytes."""
