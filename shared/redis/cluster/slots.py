"""The cluster slot of a command."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from redis.crc import key_slot

_SCRIPTS: Final = frozenset(("EVALSHA", "EVAL", "EVALSHA_RO", "EVAL_RO"))
_WITHOUT_KEY: Final = frozenset(
    ("ACL", "CLIENT", "CLUSTER", "COMMAND", "CONFIG", "DBSIZE", "ECHO", "INFO", "PING", "SCAN", "SCRIPT", "TIME")
)


def command_slot(command: Sequence[Any]) -> int | None:
    """The slot of a command's key; None if any node can answer it.

    All keys of a script are in one slot: those of a queue, or those of the fleet.
    """
    name = command[0]
    if name in _SCRIPTS:
        return key_slot_of(command[3]) if int(command[2]) else None
    return None if name in _WITHOUT_KEY or len(command) < 2 else key_slot_of(command[1])


@lru_cache(maxsize=8192)
def key_slot_of(key: str | bytes) -> int:
    """The slot of a key."""
    return key_slot(key.encode() if isinstance(key, str) else key)
