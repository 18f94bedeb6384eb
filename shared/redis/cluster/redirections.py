"""Redirections: replies of a node that did not execute a command because its slot is, or may be, elsewhere.

Such a command was not executed, so any of them may be sent again.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from redis.exceptions import ResponseError, TryAgainError

from monarq.shared.redis.cluster.topology import Address
from monarq.shared.redis.redis_errors import error_code, refuses_every_script

PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4)
"""The pauses between attempts while a slot migrates; after the last one, the caller has to try later."""

MOST_STEPS: Final = 12
"""The most attempts for a command, far more than a working cluster needs."""


class Redirect(Enum):
    """What to do with the command."""

    MOVED = "send it to the node that holds the slot from now on"
    ASK = "send it, this once, to the node that the slot moves to"
    LATER = "send it again in a moment: some keys of the slot have moved already, or no node serves it now"


@dataclass(frozen=True, slots=True)
class Redirection:
    """One redirection.

    Attributes:
        what: what to do.
        slot: the slot in the reply; -1 if none.
        address: the node in the reply, or the one that sent it.
    """

    what: Redirect
    slot: int
    address: Address


_REDIRECTS: Final = {
    "MOVED": Redirect.MOVED,
    "ASK": Redirect.ASK,
    "TRYAGAIN": Redirect.LATER,
    "CLUSTERDOWN": Redirect.LATER,
}


def read_redirection(reply: object, sender: Address) -> Redirection | None:
    """The redirection in a reply; None for other replies.

    Args:
        reply: any reply.
        sender: the node that it came from.
    """
    if not isinstance(reply, ResponseError):
        return None
    code = error_code(reply)
    what = Redirect.LATER if refuses_every_script(reply) else _REDIRECTS.get(code)
    if what is None or what is Redirect.LATER:
        return None if what is None else Redirection(what, -1, sender)
    slot, _, where = str(reply).removeprefix(code).strip().partition(" ")
    host, _, port = where.rpartition(":")
    if not slot.isdecimal() or not port.isdecimal():
        return None
    named = host.strip("[]")  # an empty host or "?" means the sender's
    return Redirection(what, int(slot), Address(sender.host if named in {"", "?"} else named, int(port)))


def unsettled_error(slot: int | None, last: ResponseError, sender: Address) -> TryAgainError:
    """The error for a command that no node has executed in spite of all attempts.

    Args:
        slot: its slot; None for no slot in particular.
        last: the last redirection.
        sender: the node that the redirection came from.
    """
    if refuses_every_script(last):
        return TryAgainError(  # type: ignore[no-untyped-call]
            f"the node {sender} refuses every script, as Valkey 9.1 does, until it is restarted, after a script of any"
            f" client used keys of several slots: restart that node ({last})"
        )
    where = "the cluster" if slot is None else f"slot {slot} of the cluster"
    code = error_code(last)
    why = {
        "CLUSTERDOWN": "is not served by any node now: its node, or the whole cluster, is down",
        "TRYAGAIN": "is migrating to another node",
    }.get(code, "is not held by any node: the nodes redirect to each other")
    told = str(last) if code in str(last) else f"{code} {last}"
    return TryAgainError(f"{where} {why} ({told})")  # type: ignore[no-untyped-call]
