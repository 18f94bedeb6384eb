"""run_counts: what is counted of the runs that a call ends."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from monarq.shared.formats.native.jobs.run_counts import count_runs
from monarq.shared.protocol.acks import Finish, Requeue
from tests.shared.formats.native.calls import lease_of

CRASHED = replace(lease_of("a"), crashes=2)


@pytest.mark.parametrize(
    ("run", "counted"),
    [
        (Finish(CRASHED, True, b"", 0, name="f"), 2),
        (Finish(CRASHED, False, b"", 0, name="f", dead_letter=b"why"), 2),
        (Requeue(CRASHED, "io", tries=1, name="f"), 0),
        (Requeue(CRASHED, "io", name="f"), 0),
    ],
    ids=lambda run: getattr(run, "end", None),
)
def test_crashes_are_counted_once_when_the_job_is_over(run: Finish | Requeue, counted: int) -> None:
    counts = count_runs([run])
    assert dict(zip(counts[::2], counts[1::2], strict=True)).get("crashed\0f", 0) == counted
