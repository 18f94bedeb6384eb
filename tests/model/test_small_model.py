"""Every order of everything: arq's rules lose and resurrect jobs, in traces that are known; monarq's do neither."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.model.small_model import ARQ, MONARQ, Harm, Rules, walk

ZOMBIE = ["enqueue 1", "w1 claims 1", "w1 stands still", "the lease ends", "w1 goes on", "w2 claims 1"]
"""A worker that stood still past its lease and does not know that another has its job."""


def test_monarq_does_no_harm_in_any_order() -> None:
    found = walk(MONARQ)
    shown = "\n".join(f"{harm.value}: {' > '.join(trace)}" for harm, trace in found.traces.items())
    assert not found.traces, shown
    assert (found.worlds, found.steps) == (2_886, 21_026), "the model has changed: say so here"


def test_every_kind_of_step_was_taken() -> None:
    found = walk(MONARQ)
    missing = {
        "enqueue 3, reply lost",
        "enqueue is repeated",
        "the result's time is over",
        "the lease ends",
        "w1 claims, reply lost",
        "w1 releases its claim",
        "w2 dies",
        "w1 stands still",
        "w1 is told that it lost",
        "w1 calls finish, reply lost",
        "w1 calls finish in vain",
        "w1 calls retry in vain",
    } - found.labels
    assert not missing


@pytest.mark.parametrize(
    ("harm", "then"),
    [
        (Harm.LOST, ["w1 calls finish", "the result's time is over", "enqueue 2", "w2 calls finish"]),
        (Harm.RESURRECTED, ["w1 calls finish", "w2 calls retry"]),
        (Harm.OVERWRITTEN, ["w1 calls finish", "w2 calls retry", "w1 claims no payload", "w1 calls finish"]),
        (Harm.DUPLICATE, ["w1 calls retry", "w1 claims 1"]),
    ],
)
def test_arq_does_harm(harm: Harm, then: list[str]) -> None:
    assert walk(ARQ).traces[harm] == ZOMBIE + then


@pytest.mark.parametrize(
    ("rules", "harms"),
    [
        (replace(MONARQ, finish_asks=False), {Harm.LOST}),
        (replace(MONARQ, retry_asks=False), {Harm.RESURRECTED, Harm.DUPLICATE}),
        (
            replace(MONARQ, retry_asks=False, claim_drops=False),
            {Harm.RESURRECTED, Harm.DUPLICATE, Harm.OVERWRITTEN},
        ),
    ],
)
def test_monarq_needs_each_of_its_rules(rules: Rules, harms: set[Harm]) -> None:
    assert set(walk(rules).traces) == harms
