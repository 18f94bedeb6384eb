"""Any bytes, and any structure, where a job or a result should be: readers raise PayloadError, and no worker dies.

What a worker makes of a job that it refuses is sent through the real encoders as well: it must fit into Redis.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from redis.connection import Encoder

from monarq.arq.runs.functions import as_job
from monarq.shared.errors import PayloadError
from monarq.shared.payloads.codec import Codecs, PickleCodec
from monarq.shared.payloads.payload import Payload
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.lease import Lease
from monarq.shared.redis.replies import text
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.jobs.precheck import CancelledBeforeStart, Precheck, Rejected, Unknown
from monarq.workers.jobs.registry import register
from monarq.workers.jobs.results import ResultBuilder
from monarq.workers.jobs.unknown_jobs import UnknownJobs
from monarq.workers.runs.run import ActiveRun
from tests.support.arq_rules import ARQ_RULES
from tests.support.leases import QUEUE
from tests.support.queues import queues_of

ALWAYS_THE_SAME: Final = settings(
    deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
)
many: Final = settings(ALWAYS_THE_SAME, max_examples=2_000)
"""Two tests of bytes: 4,000 cases."""

fewer: Final = settings(ALWAYS_THE_SAME, max_examples=800)
"""Two tests of structures, which take longer to make up than to try in all ways there are: 4,000 cases."""

SAFE: Final = Codecs()
PICKLED: Final = Codecs(PickleCodec(), allow_pickle=True)
DEPTH: Final = 100_000


async def known(*args: object, **kwargs: object) -> None:
    """The one job that the worker knows."""


def deep_pickle(depth: int) -> bytes:
    """Lists within lists, without pickling them."""
    return b"\x80\x04" + b"]" * depth + b"a" * (depth - 1) + b"."


class Odd(dict[str, Any]):
    """A dict that is not to be trusted, as a pickle can hold one."""

    def __getitem__(self, name: str) -> object:
        raise RuntimeError(name)

    def get(self, name: str, default: object = None) -> object:
        raise RuntimeError(name)


class Endless(list[Any]):
    """Arguments that cannot be gone through."""

    def __reduce__(self) -> tuple[object, ...]:
        return Endless, ()

    def __iter__(self) -> Any:
        raise RuntimeError("no")


class MuteError(Exception):
    """An error that cannot be shown."""

    def __str__(self) -> str:
        raise RuntimeError("no")


def explode() -> None:
    raise MuteError


class Bomb:
    """Raises where it is unpickled."""

    def __reduce__(self) -> tuple[object, ...]:
        return explode, ()


TEXTS: Final = st.text(max_size=20) | st.sampled_from(["known", "f", "\ud800", "\x00", "é" * 300])
LEAVES: Final = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from([10**400, -(10**400), 2**53, -(2**53), 2**63, 2**64, 0, -1])
    | st.floats()
    | TEXTS
    | st.binary(max_size=20)
    | st.datetimes()
)
VALUES: Final = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(LEAVES, inner, max_size=3) | st.tuples(inner, inner),
    max_leaves=4,
)
JOB: Final[dict[str, Any]] = {"t": None, "f": "known", "a": (), "k": {}, "et": 1_700_000_000_000}
RESULT: Final[dict[str, Any]] = {**JOB, "t": 1, "s": True, "r": 1, "st": 1, "ft": 2, "q": "q", "id": "a"}


def wrong(shape: dict[str, Any]) -> st.SearchStrategy[dict[Any, Any]]:
    """One of arq's dicts with some fields missing, of other types, or too many."""
    changes = st.dictionaries(st.sampled_from(list(shape)) | TEXTS, VALUES, max_size=4)
    missing = st.sets(st.sampled_from(list(shape)), max_size=2)
    return st.builds(
        lambda more, less: {name: value for name, value in {**shape, **more}.items() if name not in less},
        changes,
        missing,
    )


def as_msgpack(value: object) -> bytes:
    """Whatever msgpack takes of it; what it does not take is left to pickle."""
    try:
        return msgspec.msgpack.encode(value)
    except (TypeError, ValueError, OverflowError, UnicodeError):
        return b"\x82\xa1f\xa1f"


def cut(pack: Callable[[object], bytes], shape: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Good bytes that end too early, or have one byte changed."""
    whole = pack(shape)
    at = st.integers(0, len(whole) - 1)
    flipped = st.builds(lambda i, byte: whole[:i] + bytes([byte]) + whole[i + 1 :], at, st.integers(0, 255))
    return st.builds(lambda i: whole[:i], at) | flipped


def only_payload_error(data: bytes, codecs: Codecs) -> None:
    """Both readers take it or say PayloadError."""
    with suppress(PayloadError):
        Payload.read(data, codecs)
    with suppress(PayloadError):
        Result.read(data, codecs)


@many
@given(st.binary(max_size=200) | st.binary(max_size=50).map(lambda tail: b"\x85\xa1t\xc0\xa1f" + tail))
@example(b"")
@example(b"\x91" * DEPTH + b"\xc0")
@example(b"\x81\xa1f" * DEPTH + b"\xc0")
@example(b"\xc7\x00\x01")
def test_any_bytes(data: bytes) -> None:
    only_payload_error(data, SAFE)


@pytest.mark.parametrize("shape", [JOB, RESULT])
def test_damaged_msgpack(shape: dict[str, Any]) -> None:
    """Cut anywhere, and with any byte in the place of any other: all 21,000 cases of the two."""
    whole = as_msgpack(shape)
    for at in range(len(whole)):
        only_payload_error(whole[:at], SAFE)
        for byte in range(256):
            only_payload_error(whole[:at] + bytes([byte]) + whole[at + 1 :], SAFE)


@many
@given(cut(pickle.dumps, {**JOB, "n": "x"}) | cut(pickle.dumps, RESULT))
@example(deep_pickle(DEPTH))
@example(b"\x80")
@example(b"\x80\x04csys\nexit\n)R.")
@example(pickle.dumps(Odd(JOB)))
@example(pickle.dumps({**JOB, "a": Endless()}))
@example(pickle.dumps({**RESULT, "a": Endless()}))
@example(pickle.dumps(Bomb()))
def test_damaged_pickles(data: bytes) -> None:
    only_payload_error(data, PICKLED)


@fewer
@given(wrong(JOB) | wrong(RESULT))
def test_wrong_fields(data: dict[Any, Any]) -> None:
    only_payload_error(as_msgpack(data), SAFE)
    only_payload_error(pickle.dumps(data), PICKLED)


BYTES: Final = (
    st.binary(max_size=40)
    | wrong(JOB).map(as_msgpack)
    | wrong(JOB).map(pickle.dumps)
    | cut(as_msgpack, JOB)
    | cut(pickle.dumps, JOB)
)
LEASES: Final = st.builds(
    lambda raw_id, payload, tries, crashes, note, due_ms, cancel_asked_ms: Lease(
        QUEUE.ref, raw_id, text(raw_id), "t", "io", payload, tries, crashes, note, due_ms, cancel_asked_ms, 0
    ),
    raw_id=st.binary(max_size=20),
    payload=BYTES | st.none() | st.integers(0, 2**40),
    tries=st.integers(-(2**53), 2**53),
    crashes=st.integers(0, 4),
    note=TEXTS.filter(str.isprintable),
    due_ms=st.integers(-(2**53), 2**53),
    cancel_asked_ms=st.none() | st.integers(-(2**53), 2**53),
)


def check(lease: Lease, settings_: WorkerSettings) -> None:
    """What the runner does with a claimed job, up to the bytes that go to Redis."""
    checked = Precheck(register([as_job(known)], settings_), settings_, queues_of()).check(lease)
    results = ResultBuilder("w1", settings_, queues_of())
    if isinstance(checked, Rejected):
        ending = results.of_rejection(lease, checked.payload, checked.error, 1, dead=True)
    elif isinstance(checked, CancelledBeforeStart):
        ending = results.of_rejection(lease, checked.payload, PayloadError("cancelled"), 1, dead=False)
    elif isinstance(checked, Unknown):
        back = UnknownJobs("w1", keep_s=1, burst=True).requeue(lease, checked.name)
        return sent(back.lease.raw_id, back.name, back.note)
    else:
        assert isinstance(checked, ActiveRun)
        ending = results.of_error(checked, PayloadError("failed"))
    return sent(ending.lease.raw_id, ending.result, ending.name, ending.dead_letter)


def sent(*values: bytes | str) -> None:
    """What Redis is told must have bytes."""
    encoder = Encoder("utf-8", "strict", False)
    for value in values:
        encoder.encode(value)


def lease_of(payload: object) -> Lease:
    return Lease(QUEUE.ref, b"\xff", "\\xff", "t", "io", pickle.dumps(payload), 0, 0, "", 0, None, 0)


WORKERS: Final = (
    WorkerSettings(codecs=SAFE),
    WorkerSettings(codecs=PICKLED),
    WorkerSettings(codecs=PICKLED, **ARQ_RULES),
)


@fewer
@given(LEASES)
@example(lease_of({**JOB, "f": "\ud800"}))
@example(lease_of({**JOB, "t": 10**400}))
@example(lease_of({**JOB, "k": {"\ud800": 1}}))
def test_a_precheck_never_raises(lease: Lease) -> None:
    for worker in WORKERS:
        check(lease, worker)


@pytest.mark.parametrize("codecs", [SAFE, PICKLED])
def test_an_error_of_a_job_may_hold_any_text(codecs: Codecs) -> None:
    """As that of open() does for a file name that is no UTF-8."""
    worker = WorkerSettings(codecs=codecs)
    lease = replace(lease_of(JOB), payload=codecs.write.dumps(JOB))
    run = Precheck(register([as_job(known)], worker), worker, queues_of()).check(lease)
    assert isinstance(run, ActiveRun)
    try:
        raise FileNotFoundError(2, "no such file", "\udcff")
    except FileNotFoundError as error:
        ending = ResultBuilder("w1", worker, queues_of()).of_error(run, error)
    assert b"udcff" in ending.dead_letter


@pytest.mark.parametrize("codecs", [SAFE, PICKLED])
def test_the_good_ones_are_read(codecs: Codecs) -> None:
    assert Payload.read(codecs.write.dumps(JOB), codecs).name == "known"
    assert Result.read(codecs.write.dumps(RESULT), codecs).value == 1
