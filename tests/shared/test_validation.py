"""What an option cannot be, and what a name cannot be, is refused by name and with the limit, wherever it is given."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import click
import pytest

from monarq.cli.command_line.arguments import parse_duration
from monarq.cli.command_line.options import queue_name
from monarq.producer import Producer, SyncProducer, named
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.cron_declaration import cron
from monarq.shared.jobs.decorators import job
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import to_ref
from monarq.workers.config.settings import WorkerSettings
from tests.producer.jobs import fetch

HUNDRED_YEARS = r"is .*: give seconds from 0 up to a hundred years, 3,155,760,000"
COUNT = r"must be a whole number of 0 or more"
TRIES = r"max_tries is .*; it must be a whole number of 1 or more"
SIZE = r"memory is .*: give a number of bytes, from 1, or text such as '256MB'"
MANY_DIGITS = 10**5000


def noop() -> None: ...


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"timeout": math.inf}, f"timeout {HUNDRED_YEARS}"),
        ({"retry": -1}, f"retry is -1.*{COUNT}"),
        *(({"retry": value}, "retry is .*: give a number of retries") for value in (True, 1.5, "3", math.nan, [])),
        *(({"max_tries": value}, TRIES) for value in (0, -5, True, 2.5, "5")),
        *(
            ({name: value}, f"{name} {HUNDRED_YEARS}")
            for name in ("timeout", "keep_result")
            for value in (-1, -0.001, 1e300, math.nan, timedelta.max, timedelta(-1), MANY_DIGITS)
        ),
        *(
            ({name: value}, rf"{name} is .*: give seconds, a timedelta, or text such as '500ms', '30s', '1h30m'")
            for name in ("timeout", "keep_result")
            for value in (True, "soon", "-1", b"5", [5])
        ),
        *(({"memory": value}, SIZE) for value in (-1, 0, "0", "much", True, "9" * 400, MANY_DIGITS, "1e9", math.nan)),
        ({"retry_on": [OSError, "TimeoutError"]}, "retry_on holds 'TimeoutError': give classes of exceptions"),
        ({"retry_on": OSError("made")}, "retry_on holds OSError"),
        ({"give_up_on": "OSError"}, "give_up_on holds 'OSError': give classes of exceptions"),
        ({"renamed_from": 5}, "renamed_from is 5: give a name or a list of names"),
        ({"renamed_from": ("old", None)}, "renamed_from holds None: give names"),
        ({"renamed_from": "two\nlines"}, "renamed_from is 'two.*lines': a name must not contain control characters"),
        ({"queue": "q" * 251}, r"queue is 'q+'… of 251 bytes: the limit is 250 bytes"),
        ({"name": "é" * 126}, r"name is 'é+'… of 252 bytes: the limit is 250 bytes"),
        ({"name": "two\nlines"}, "name is 'two\\\\nlines': a name must not contain control characters or line breaks"),
        ({"name": ""}, "name must not be empty"),
        ({"name": 5}, "name is 5: give text"),
    ],
    ids=lambda value: repr(value)[:40] if isinstance(value, dict) and MANY_DIGITS not in value.values() else "",
)
def test_of_a_declaration(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        job(**options)(noop)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(
            ({name: value}, f"{name} {HUNDRED_YEARS}")
            for name in ("defer_by", "expires")
            for value in (-1, 1e300, math.nan, timedelta.max, MANY_DIGITS, float(sys.maxsize))
        ),
        ({"defer_until": datetime.max.replace(tzinfo=UTC)}, "defer_until is .*within the next hundred years"),
        ({"defer_until": datetime.now()}, "defer_until is .*: give a datetime with a time zone"),  # noqa: DTZ005 - the very mistake
        ({"defer_until": "tomorrow"}, "defer_until is 'tomorrow': give a datetime with a time zone"),
        ({"job_id": "i" * 1001}, r"job_id is 'i+'… of 1,001 bytes: the limit is 1,000 bytes"),
        ({"job_id": "i" * (1 << 20)}, "of 1,048,576 bytes"),
        ({"queue": "q" * 4096}, r"of 4,096 bytes: the limit is 250 bytes"),
        ({"queue": "red\x1b[31m"}, "control characters"),
        ({"queue": "turned\u202eround"}, "control characters"),
    ],
    ids=lambda value: "",
)
def test_of_an_enqueue(options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        fetch.options(**options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        *(({"url": value}, "the Redis URL is a .*: give text") for value in (5, b"redis://x", [], True)),
        *(({"codec": value}, "there is no codec .*: give") for value in (5, b"msgpack", "json", object)),
        *(({"signing_key": value}, "signing_key is a .*: give text") for value in (0, b"k" * 32, [], True)),
    ],
    ids=lambda value: "",
)
@pytest.mark.parametrize("kind", [Producer, SyncProducer])
def test_of_a_producer_by_kind(kind: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        kind(**options)


LONG, LINES = "n" * 251, "two\nlines"


@pytest.mark.parametrize(
    "use",
    [
        lambda name: named(name),
        lambda name: named("fetch", queue=name),
        lambda name: Producer(queue=name),
        lambda name: SyncProducer(queue=name),
        lambda name: Producer().handle("id", queue=name),
        lambda name: Producer()._serializer.envelope(name),
        lambda name: WorkerSettings(queues=(to_ref(name),)),
        lambda name: cron(fetch, "@daily", args=("u",), name=name),
    ],
    ids=["named", "its queue", "producer", "sync producer", "handle", "enqueue by name", "worker", "cron"],
)
@pytest.mark.parametrize(("name", "words"), [(LONG, "the limit is 250 bytes"), (LINES, "control characters")])
def test_of_names_everywhere(use: Callable[[str], object], name: str, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        use(name)


def test_of_an_id_that_is_looked_up() -> None:
    with pytest.raises(SettingsError, match=r"job_id is .* of 1,001 bytes"):
        Producer().handle("i" * 1001)


def test_of_a_command_line() -> None:
    assert queue_name(LINES) == LINES, "a queue of arq's can be looked at, whatever it is called"
    with pytest.raises(click.BadParameter, match="a hundred years"):
        parse_duration("9" * 90)


def test_what_is_just_within() -> None:
    job(name="n" * 250, queue="é" * 125, timeout=timedelta(days=36_500), memory="1GB", retry=0, retry_on=[OSError])(
        noop
    )
    fetch.options(job_id="i" * 1000, queue="сервис ✓ می\u200cخواهم", defer_by=3_155_760_000, expires=None)
    WorkerSettings(queues=(QueueRef(LONG, "arq"), QueueRef(LINES, "arq")), any_queue_name=True)


@pytest.mark.parametrize(
    "settings", [{"redis_timeout": -1}, {"redis_timeout": math.nan}, {"retry_for": 1e300}, {"max_payload": 0}]
)
def test_of_a_producer(settings: dict[str, Any]) -> None:
    with pytest.raises(SettingsError):
        Producer(**settings)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        *((name, f"{name} is .*; it must be a whole number of 1 or more") for name in ("max_dead", "threads")),
        *((name, f"{name} is .*(: give seconds|; it must be)") for name in ("lease_s", "poll_s", "keep_dead_s")),
    ],
)
@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf, "five", True, None, -MANY_DIGITS], ids=lambda value: "")
def test_of_a_worker(name: str, words: str, value: object) -> None:
    """A number that none can be counted with would be met by each script of a worker that has begun its work."""
    with pytest.raises(SettingsError, match=words):
        WorkerSettings(**{name: value})


@pytest.mark.parametrize(("name", "value"), [("lease_s", 0.001), ("poll_s", 1e-9), ("keep_dead_s", 1e-9)])
def test_times_of_a_worker_that_are_too_short(name: str, value: float) -> None:
    with pytest.raises(SettingsError, match=f"{name} is {value}; it must be .* or more"):
        WorkerSettings(**{name: value})
