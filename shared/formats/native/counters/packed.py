"""Counters as they are kept: the text ``<counter> <count> <counter> <count>...``, written by include/counting.lua."""

from __future__ import annotations

from collections.abc import Iterable

from monarq.shared.protocol.counters import Counters


def sum_counters(packed: Iterable[bytes | None], sums: Counters | None = None) -> Counters:
    """The sums of counters, each as the text of a field, None where there is no such field.

    Args:
        packed: the texts. What is no count is passed over.
        sums: what to add to; it is changed and returned.
    """
    found = {} if sums is None else sums
    words = b" ".join(text for text in packed if text).decode("ascii", "replace").split(" ")
    for counter, count in zip(words[::2], words[1::2], strict=False):
        if count.isdecimal():
            found[counter] = found.get(counter, 0) + int(count)
    return found


def parse_steps(lists: Iterable[Iterable[bytes | None]]) -> list[Counters]:
    """The counters of each step, of a reply that has them as lists to be joined."""
    return [sum_counters((packed,)) for each in lists for packed in each]
