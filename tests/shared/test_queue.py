"""`Queue`: a queue's name and format, and what takes one in place of a name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import monarq
from monarq.producer import Producer, SyncProducer, named
from monarq.shared.errors import SettingsError
from monarq.shared.jobs.decorators import job
from monarq.shared.jobs.job import declared_options, enqueue_options
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.queue import Queue, checked_ref, to_ref
from tests.producer.jobs import fetch


def test_a_queue_is_native_unless_it_says_otherwise_and_so_is_a_name_alone() -> None:
    assert monarq.Queue is Queue
    assert (str(Queue("mail")), Queue("mail").format, Queue("mail", format="arq").format) == ("mail", "native", "arq")
    assert to_ref(Queue("mail")) == QueueRef("mail", "native")
    assert to_ref("mail") == to_ref(Queue("mail")) == QueueRef("mail", "native")
    assert to_ref(Queue("mail", format="arq")) == QueueRef("mail", "arq")
    assert to_ref(QueueRef("mail", "native")) == QueueRef("mail", "native")
    assert to_ref(None) is None
    assert len({Queue("mail"), Queue("mail"), Queue("mail", format="arq")}) == 2


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        (None, {}, "a queue needs a name"),
        (5, {}, "a queue's name is 5: give text"),
        ("", {}, "a queue's name must not be empty"),
        ("q" * 251, {}, "of 251 bytes: the limit is 250 bytes"),
        ("two\nlines", {}, "control characters or line breaks"),
        ("two\nlines", {"format": "arq"}, "control characters or line breaks"),
        *((name, {}, "the name of a native queue must not contain {, } or ~") for name in ("a{b", "a}b", "a~1", "{a}")),
        ("mail", {"format": "redis"}, "there is no queue format 'redis'; the formats are native, arq"),
        ("mail", {"format": None}, "there is no queue format None"),
        ("mail", {"format": []}, "there is no queue format"),
    ],
)
def test_what_cannot_be_a_queue_is_refused(name: Any, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Queue(name, **options)


def test_a_queue_of_arqs_may_have_any_sign_in_its_name() -> None:
    assert checked_ref(Queue("a{b}~1", format="arq")) == QueueRef("a{b}~1", "arq")


def test_only_a_checked_name_is_checked() -> None:
    assert to_ref("two\nlines") == QueueRef("two\nlines", "native")
    with pytest.raises(SettingsError, match=r"-q is .*control characters"):
        checked_ref("two\nlines", "-q")
    with pytest.raises(SettingsError, match="must not contain"):
        checked_ref(QueueRef("a~1", "native"))
    assert checked_ref(None) is None


def test_the_format_is_given_by_name_only() -> None:
    with pytest.raises(TypeError):
        Queue("mail", "arq")  # type: ignore[call-arg]  # the very mistake


ARQS = Queue("mail", format="arq")


@pytest.mark.parametrize(
    "use",
    [
        lambda queue: Producer(queue=queue).handle("id").queue,
        lambda queue: SyncProducer(queue=queue).handle("id").queue,
        lambda queue: Producer().handle("id", queue=queue).queue,
        lambda queue: SyncProducer().handle("id", queue=queue).queue,
        lambda queue: Producer()._serializer.envelope(fetch.options(queue=queue)).queue.ref.name,
        lambda queue: Producer()._serializer.envelope(named("fetch", queue=queue)).queue.ref.name,
        lambda queue: Producer()._serializer.envelope(job(name=f"of {queue!r}", queue=queue)(noop)).queue.ref.name,
    ],
    ids=["producer", "sync producer", "handle", "sync handle", "options", "named", "declaration"],
)
@pytest.mark.parametrize("queue", ["mail", ARQS])
def test_a_queue_is_taken_wherever_its_name_is(use: Callable[[str | Queue], str], queue: str | Queue) -> None:
    assert use(queue) == "mail"


def noop() -> None: ...


def test_a_job_keeps_the_format_of_its_queue() -> None:
    native = QueueRef("mail", "native")
    assert enqueue_options(fetch.options(queue=Queue("mail"))).queue_ref == native
    assert enqueue_options(fetch.options(queue=Queue("mail")).options(defer_by=1)).queue_ref == native
    assert declared_options(named("fetch", queue=Queue("mail"))).queue_ref == native
    declared = declared_options(job(name="of a native queue", queue=Queue("mail"))(noop))
    assert (declared.queue_ref, declared.queue) == (native, "mail")
