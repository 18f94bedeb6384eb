"""Serialization of data in Redis: payloads, results, errors, progress."""
