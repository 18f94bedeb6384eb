"""The carrier that propagates a span's context to another process."""

from __future__ import annotations

Carrier = dict[str, str]
"""A span's context as W3C `traceparent` and similar headers."""
