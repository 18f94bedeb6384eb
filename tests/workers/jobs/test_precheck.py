"""The precheck: what becomes of a claimed job before it runs."""

from __future__ import annotations

from typing import Any, Final

import pytest

from monarq.shared.formats.arq.keys import ASKED_MARK
from monarq.shared.payloads.codec import MSGPACK
from monarq.workers.jobs.precheck import CancelledBeforeStart, Precheck, PrecheckResult, Rejected, Unknown
from monarq.workers.jobs.registry import register
from monarq.workers.runs.run import ActiveRun
from tests.support.formats import OF_ARQ
from tests.support.queues import queues_of
from tests.support.workers import settings_for_tests
from tests.workers.support import worker_jobs as jobs
from tests.workers.support.runs import ENQUEUED_MS, make_lease

pytestmark = OF_ARQ

SETTINGS: Final[dict[str, Any]] = {
    "max_crashes": 3,
    "max_payload": 1000,
    "allow_cancel": True,
    "keep_unknown_s": 60.0,
}
CANCELLED: Final = {"cancel_asked_ms": ENQUEUED_MS + ASKED_MARK}
NEW: Final = {"claimed_ms": ENQUEUED_MS + 100_000}


def check(name: str = "plus", arq_rules: bool = False, settings: Any = (), **changes: Any) -> PrecheckResult:
    worker = settings_for_tests(arq_rules=arq_rules, **{**SETTINGS, **dict(settings)})
    return Precheck(register(jobs.ALL, worker), worker, queues_of()).check(make_lease(name, 1, 2, **changes))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"crashes": 3, "crash_note": "killed by SIGSEGV"}, "lost 3 times; most recently: killed by SIGSEGV"),
        ({"crashes": 3, "payload": b"what kills its decoder"}, "was lost 3 times"),
        ({"payload": None}, "its payload is gone"),
        ({"payload": 2000}, "the limit is 1,000"),
        ({"payload": b"\x93\x01\x02\x03"}, "decodes as msgpack to list"),
        ({"tries": 5}, "max 5 retries exceeded"),
        ({"name": "new", **NEW, "unknown_ms": ENQUEUED_MS + 30_000}, "no job is named 'new'"),
    ],
    ids=["crashes", "crashes before the payload", "no payload", "too large", "undecodable", "no try left", "unknown"],
)
def test_rejected(changes: dict[str, Any], reason: str) -> None:
    rejected = check(**changes)
    assert isinstance(rejected, Rejected)
    assert reason in str(rejected.error)


@pytest.mark.parametrize(
    ("changes", "job_try"), [({}, 1), ({"tries": 4}, 5), ({"crashes": 2}, 1), ({"tries": 1, "crashes": 2}, 2)]
)
def test_run(changes: dict[str, Any], job_try: int) -> None:
    run = check(**changes)
    assert isinstance(run, ActiveRun)
    assert (run.name, run.payload.args, run.job_try, run.tries) == ("plus", (1, 2), job_try, job_try)


def test_by_arqs_rules_a_crash_is_a_try() -> None:
    run = check(arq_rules=True, tries=1, crashes=2)
    assert isinstance(run, ActiveRun)
    assert (run.job_try, run.tries) == (4, 2)


@pytest.mark.parametrize(
    ("claimed_ms", "deferred_to", "due_ms"),
    [
        (ENQUEUED_MS + 5, ENQUEUED_MS + 7, ENQUEUED_MS + 5),
        (0, None, ENQUEUED_MS),
        (0, ENQUEUED_MS + 7, ENQUEUED_MS + 7),
        (0, "soon", ENQUEUED_MS),
        (0, True, ENQUEUED_MS),
        (0, -1, ENQUEUED_MS),
        (0, 2**60, ENQUEUED_MS),
    ],
    ids=["the claim says it", "not deferred", "deferred", "text", "a bool", "before 1970", "past all times"],
)
def test_when_it_was_due_is_read_from_the_payload_where_the_claim_does_not_say(
    claimed_ms: int, deferred_to: object, due_ms: int
) -> None:
    fields = {"t": None, "f": "plus", "a": (1, 2), "k": {}, "et": ENQUEUED_MS, "d": deferred_to}
    run = check(due_ms=claimed_ms, payload=MSGPACK.dumps(fields))
    assert isinstance(run, ActiveRun)
    assert run.lease.due_ms == due_ms


@pytest.mark.parametrize("name", ["plus", "unknown"])
@pytest.mark.parametrize(("allow_cancel", "is_cancelled"), [(True, True), (False, False)])
def test_cancelled(name: str, allow_cancel: bool, is_cancelled: bool) -> None:
    checked = check(name, settings={"allow_cancel": allow_cancel}, **CANCELLED)
    assert isinstance(checked, CancelledBeforeStart) == is_cancelled


@pytest.mark.parametrize(
    "unknown_ms",
    [None, ENQUEUED_MS + 50_000, ENQUEUED_MS - 1],
    ids=["for the first time", "again", "again, but it was another job of its id"],
)
def test_unknown(unknown_ms: int | None) -> None:
    checked = check("new", **NEW, unknown_ms=unknown_ms)
    assert isinstance(checked, Unknown)
    assert checked.name == "new"
