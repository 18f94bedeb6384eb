"""All kinds of a queue's keys: their names and types, and the attributes of `QueueState` that show them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Final

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import QueueKeys

KEYS: Final = QueueKeys.of(names.DEFAULT_QUEUE)


@dataclass(frozen=True, slots=True)
class Family:
    """Keys of one kind: one key, or all keys with this prefix if it ends with a colon.

    Those without an attribute are only for people and not part of the state; test_counters.py tests them.
    """

    attribute: str
    key: str
    kind: str

    def name_in(self, key: str) -> str | None:
        """The key's name after the prefix ("" for a single key); None if it belongs to another family."""
        if key == self.key:
            return ""
        return key[len(self.key) :] if self.key.endswith(":") and key.startswith(self.key) else None


NOTES: Final = {KEYS.wake(lane): lane for lane in ("io", "cpu")}
FAMILIES: Final = (
    Family("queue", KEYS.queue, "zset"),
    Family("cpu", KEYS.cpu, "zset"),
    Family("aborts", names.ABORT, "zset"),
    Family("dead", KEYS.dead, "zset"),
    Family("workers", KEYS.workers, "zset"),
    Family("queues", names.QUEUES, "zset"),
    Family("stats", KEYS.base + "stats", "hash"),
    *(Family("notes", key, "list") for key in NOTES),
    Family("paused", KEYS.paused, "string"),
    Family("histories", KEYS.history(""), "list"),
    Family("payloads", names.JOB_PREFIX, "string"),
    Family("tokens", names.IN_PROGRESS_PREFIX, "string"),
    Family("tries", names.RETRY_PREFIX, "string"),
    Family("results", names.RESULT_PREFIX, "string"),
    Family("no_results", KEYS.base + "no-result:", "string"),
    Family("given_up", KEYS.base + "given-up:", "string"),
    Family("ticks", KEYS.base + "tick:", "string"),
    Family("crashes", KEYS.crash(""), "string"),
    Family("records", KEYS.worker(""), "string"),
    Family("ended", KEYS.base + "second:", "hash"),
    Family("", KEYS.base + "stats:", "hash"),
    Family("", KEYS.base + "minute:", "hash"),
    *(Family("", KEYS.base + name, "zset") for name in ("names", "heard", "known")),
    Family("", KEYS.base + "live", "hash"),
    Family("", KEYS.base + "recent", "list"),
    Family("letters", KEYS.dead_letter(""), "hash"),
    Family("progress", KEYS.progress(""), "string"),
    Family("leases", KEYS.leases(""), "hash"),
)


@cache
def family_of(key: str) -> tuple[Family, str]:
    """The family of a key, and the key's name after the prefix."""
    for family in FAMILIES:
        name = family.name_in(key)
        if name is not None:
            return family, name
    raise AssertionError(f"{key!r} is not a key of monarq")
