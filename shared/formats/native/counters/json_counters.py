"""Counters as stored: JSON of counts by counter, written by include/counting.lua."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import msgspec

from monarq.shared.protocol.counters import Counters

_COUNTERS: Final = msgspec.json.Decoder(dict[str, float])


def sum_counters(found: Iterable[bytes | None], sums: Counters | None = None) -> Counters:
    """The sums of counters, each as a field's JSON, None if there is no such field.

    Args:
        found: the fields. Fields that are not JSON of counts are skipped.
        sums: what to add to; it is changed and returned.
    """
    total: Counters = {} if sums is None else sums
    for field in found:
        if field:
            for counter, count in _decode(field).items():
                total[counter] = total.get(counter, 0) + int(count)
    return total


def parse_steps(lists: Iterable[Iterable[bytes | None]]) -> list[Counters]:
    """The counters of each step, from a reply with lists that must be joined."""
    return [sum_counters((field,)) for each in lists for field in each]


def _decode(field: bytes) -> dict[str, float]:
    try:
        return _COUNTERS.decode(field)
    except msgspec.DecodeError:
        return {}
