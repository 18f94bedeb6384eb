"""Who holds which slot, as nodes tell."""

from __future__ import annotations

import pytest
from redis.exceptions import AskError, MovedError, ResponseError, TryAgainError

from monarq.shared.redis.cluster.redirections import Redirect, read_redirection
from monarq.shared.redis.cluster.slots import command_slot, key_slot_of
from monarq.shared.redis.cluster.topology import Address, Topology

A, B, C = Address("10.0.0.1", 7000), Address("10.0.0.2", 7000), Address("::1", 7001)
REPLY = [
    [0, 99, [b"10.0.0.1", 7000, b"id-a", []], [b"::1", 7001, b"id-c", []]],
    [100, 16383, [b"10.0.0.2", 7000, b"id-b", []]],
]


def test_it_takes_over_what_a_node_tells() -> None:
    topology = Topology()
    assert topology.holder(5) is None
    assert topology.replace(REPLY, A)
    assert [topology.holder(slot) for slot in (0, 99, 100, 16383)] == [A, A, B, B]
    assert topology.primaries == {A, B}
    assert topology.replicas == {C}
    assert set(topology) == {A, B, C}
    assert not topology.replace(REPLY, A)


@pytest.mark.parametrize("host", [b"", None, b"?"])
def test_a_node_that_is_not_named_is_the_one_that_was_asked(host: bytes | None) -> None:
    topology = Topology()
    topology.replace([[0, 16383, [host, 7000, b"id"]]], Address("db.example", 6379))
    assert topology.holder(1) == Address("db.example", 7000)


def test_a_slot_moves_alone() -> None:
    topology = Topology()
    topology.replace(REPLY, A)
    assert topology.move(50, B)
    assert not topology.move(50, B)
    assert [topology.holder(slot) for slot in (49, 50, 51)] == [A, B, A]


@pytest.mark.parametrize(
    ("error", "what", "slot", "address"),
    [
        (ResponseError("MOVED 3999 10.0.0.2:7000"), Redirect.MOVED, 3999, B),
        (MovedError("3999 10.0.0.2:7000"), Redirect.MOVED, 3999, B),
        (ResponseError("MOVED 3999 :7001"), Redirect.MOVED, 3999, Address("10.0.0.1", 7001)),
        (ResponseError("ASK 12 ::1:7001"), Redirect.ASK, 12, C),
        (AskError("12 ::1:7001"), Redirect.ASK, 12, C),
        (ResponseError("TRYAGAIN Multiple keys request"), Redirect.LATER, -1, A),
        (TryAgainError("Multiple keys request"), Redirect.LATER, -1, A),
        (ResponseError("CLUSTERDOWN Hash slot not served"), Redirect.LATER, -1, A),
    ],
)
def test_redirections(error: ResponseError, what: Redirect, slot: int, address: Address) -> None:
    found = read_redirection(error, A)
    assert found is not None
    assert (found.what, found.slot, found.address) == (what, slot, address)


@pytest.mark.parametrize(
    "reply", [b"OK", None, ResponseError("ERR no"), ResponseError("MOVED"), ResponseError("OOM x")]
)
def test_what_is_none(reply: object) -> None:
    assert read_redirection(reply, A) is None


def test_which_slot_a_command_is_about() -> None:
    slot = key_slot_of("monarq:n:{mail}:meta")
    assert command_slot(("EVALSHA", "sha", 2, "monarq:n:{mail}:meta", "monarq:n:{mail}:ready", "x")) == slot
    assert command_slot(("HGET", b"monarq:n:{mail}:payloads", "id")) == slot
    assert [command_slot(command) for command in (("TIME",), ("PING",), ("EVAL", "x", 0), ("CLUSTER", "SLOTS"))] == [
        None
    ] * 4
