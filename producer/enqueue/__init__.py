"""Puts jobs in: the reference, the serialized job, the call that is repeated until it is known."""
