"""Enqueueing: job references, serialization, and the call that is retried until its outcome is known."""
