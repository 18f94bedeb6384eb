"""The shards of queues, which only the native format has."""

from __future__ import annotations

from monarq.shared.formats.native.sharded.growth import KEPT_S, set_shards

__all__ = ["KEPT_S", "set_shards"]
