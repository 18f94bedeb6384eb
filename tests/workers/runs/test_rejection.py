"""The errors of jobs that cannot be run."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from monarq.shared.errors import JobDeadError
from monarq.workers.runs.rejection import RejectionPolicy, list_names
from tests.support.leases import lease_of


@pytest.mark.parametrize(
    ("may_have_expired", "reason"), [(True, "job expired: no worker had started it"), (False, "its payload is gone")]
)
def test_a_payload_that_is_gone(may_have_expired: bool, reason: str) -> None:
    error = RejectionPolicy().gone(replace(lease_of("a", payload=None), may_have_expired=may_have_expired))
    assert isinstance(error, JobDeadError)
    assert str(error).startswith(reason)
    assert "maxmemory-policy noeviction" in str(error)


@pytest.mark.parametrize(
    ("waited_s", "text"),
    [
        (0.0, "no job is named 'new' on this worker; it knows a, b"),
        (
            3600.4,
            "no job is named 'new' on this worker, nor on any other that claimed it within 3,600 s; it knows a, b",
        ),
    ],
)
def test_a_name_that_is_unknown(waited_s: float, text: str) -> None:
    assert str(RejectionPolicy().unknown("new", waited_s, ["b", "a"])) == text


@pytest.mark.parametrize(
    ("names", "text"),
    [
        ([], ""),
        (["b", "a"], "a, b"),
        (list("jihgfedcba"), "a, b, c, d, e, f, g, h, i, j"),
        (list("lkjihgfedcba"), "a, b, c, d, e, f, g, h, i, j and 2 more"),
    ],
)
def test_names_are_listed_in_order_and_not_too_many(names: list[str], text: str) -> None:
    assert list_names(names) == text
