"""run_groups: which runs of a call are counted together, and what is sent for each group."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.run_groups import BUCKETS, NOT_RUN, RunEnd, RunGroups
from tests.shared.formats.arq.calls import lease_of

NOW_MS = 1_767_225_600_000
DONE = RunEnd.SUCCEEDED


def waited(ms: int, crashes: int = 0) -> Lease:
    """A lease of a job that had been due for so long when it was claimed."""
    return replace(lease_of("a"), claimed_ms=NOW_MS, due_ms=NOW_MS - ms, crashes=crashes)


@pytest.mark.parametrize(
    ("first", "second", "alike"),
    [
        ((waited(5), "send", DONE, 3), (waited(7), "send", DONE, 2), True),
        ((waited(5), "send", DONE, 3), (waited(5), "sum", DONE, 3), False),
        ((waited(5), "send", DONE, 3), (waited(5), "send", RunEnd.FAILED, 3), False),
        ((waited(5), "send", DONE, 3), (waited(8), "send", DONE, 3), False),
        ((waited(5), "send", DONE, 3), (waited(5), "send", DONE, 4), False),
        ((waited(5), "send", DONE, 0), (waited(5), "send", DONE, NOT_RUN), False),
        ((waited(5), "send", DONE, 3), (waited(5, crashes=1), "send", DONE, 3), False),
    ],
    ids=["same buckets", "name", "status", "bucket of the wait", "bucket of the run", "not run", "crashes"],
)
def test_like_runs_share_a_group(
    first: tuple[Lease, str, RunEnd, int], second: tuple[Lease, str, RunEnd, int], alike: bool
) -> None:
    groups = RunGroups()
    assert groups.add(*first) == 0
    assert groups.add(*second) == (0 if alike else 1)
    assert groups.add(*first) == 0
    assert len(groups) == (1 if alike else 2)


@pytest.mark.parametrize(
    ("lease", "run_ms", "sent"),
    [
        (waited(5), 3, ["send", "succeeded", 3, 2, 1, 5, 3, 0, ""]),
        (waited(0), 0, ["send", "succeeded", 0, 0, 1, 0, 0, 0, ""]),
        (waited(5, crashes=2), NOT_RUN, ["send", "succeeded", "", NOT_RUN, 1, 0, 0, 2, ""]),
        (waited(2**40), 2**40, ["send", "succeeded", BUCKETS - 1, BUCKETS - 1, 1, 2**40, 2**40, 0, ""]),
        (replace(waited(5), due_ms=1), 3, ["send", "succeeded", 0, 2, 1, 0, 3, 0, ""]),
        (replace(waited(5), due_ms=0), 3, ["send", "succeeded", 0, 2, 1, 0, 3, 0, ""]),
        (waited(-5), 3, ["send", "succeeded", 0, 2, 1, 0, 3, 0, ""]),
    ],
    ids=[
        "a run",
        "no time at all",
        "not run",
        "past the last bucket",
        "aborted by arq",
        "not known",
        "due after its claim",
    ],
)
def test_what_is_sent_for_a_run(lease: Lease, run_ms: int, sent: list[object]) -> None:
    groups = RunGroups()
    groups.add(lease, "send", DONE, run_ms)
    assert groups.arguments() == sent


@pytest.mark.parametrize("end", RunEnd)
def test_crashes_are_counted_once_when_the_job_is_over(end: RunEnd) -> None:
    groups = RunGroups()
    groups.add(waited(5, crashes=2), "send", end, 3)
    assert groups.arguments()[7] == (0 if end in (RunEnd.RETRIED, RunEnd.HANDED_BACK) else 2)


def test_a_group_has_the_sums_of_its_runs_and_the_lane_of_its_job() -> None:
    groups = RunGroups({"send": "thread"})
    groups.add(waited(5), "send", DONE, 2)
    groups.add(waited(1), "sum", DONE, 1)
    groups.add(waited(6), "send", DONE, 3)
    assert groups.arguments() == [
        "send",
        "succeeded",
        3,
        2,
        2,
        11,
        5,
        0,
        "thread",
        "sum",
        "succeeded",
        1,
        1,
        1,
        1,
        1,
        0,
        "",
    ]
