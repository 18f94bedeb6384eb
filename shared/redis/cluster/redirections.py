"""Redirections: what a node replies that did not carry a command out, as its slot is, or may be, elsewhere.

Whatever is named here was not carried out, so it may be sent again, whatever the command is.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from redis.exceptions import ResponseError, TryAgainError

from monarq.shared.redis.cluster.topology import Address
from monarq.shared.redis.redis_errors import error_code, refuses_every_script

PAUSES_S: Final = (0.05, 0.1, 0.2, 0.4)
"""The pauses between attempts while a slot is on its way; after the last one it is for the caller to try later."""

MOST_STEPS: Final = 12
"""How often a command is sent at most; far more than any cluster that works needs."""


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
        slot: the slot that was named; -1 where none was.
        address: the node that was named, or that sent it.
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
    """The redirection that a reply is; None where it is another reply.

    Args:
        reply: an error reply, or any other.
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
    named = host.strip("[]")  # an empty one, or "?", stands for the sender's
    return Redirection(what, int(slot), Address(sender.host if named in {"", "?"} else named, int(port)))


def unsettled_error(slot: int | None, last: ResponseError, sender: Address) -> TryAgainError:
    """The error for what no node has carried out, though it was sent again and again.

    Args:
        slot: what it is about; None for no slot in particular.
        last: the redirection that came last.
        sender: the node that it came from.
    """
    if refuses_every_script(last):
        return TryAgainError(  # type: ignore[no-untyped-call]
            f"the node {sender} refuses every script, as Valkey 9.1 does until it is restarted once one of any client"
            f" used keys of several slots: restart that node ({last})"
        )
    where = "the cluster" if slot is None else f"slot {slot} of the cluster"
    code = error_code(last)
    why = {
        "CLUSTERDOWN": "is served by no node now: its node is down, or the whole cluster",
        "TRYAGAIN": "is on its way to another node",
    }.get(code, "is held by no node that says so itself: they refer to each other")
    told = str(last) if code in str(last) else f"{code} {last}"
    return TryAgainError(f"{where} {why} ({told})")  # type: ignore[no-untyped-call]
