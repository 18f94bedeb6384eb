"""Serialization of what travels through Redis: payloads, results, errors, progress."""
