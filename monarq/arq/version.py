"""The version of arq whose names these are."""

from __future__ import annotations

from arq.version import VERSION as VERSION
