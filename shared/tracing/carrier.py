"""The carrier of a span's context on its way to another process."""

from __future__ import annotations

Carrier = dict[str, str]
"""A span's context as W3C's `traceparent` and its like."""
