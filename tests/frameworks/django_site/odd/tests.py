"""`monarq.django` in Django's own test cases, in sandboxes: `tests/frameworks/test_django.py` runs them."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import ANY

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from django.test import SimpleTestCase, TransactionTestCase, override_settings
from django.utils.safestring import mark_safe

from monarq.django import MonarqBackend, enqueue_on_commit, producer
from monarq.django.framework import (
    TaskResultDoesNotExist,
    TaskResultStatus,
    task_backends,
    task_enqueued,
    task_finished,
    task_started,
)
from monarq.shared.errors import ArgumentsError, RedisUnavailableError, SettingsError
from monarq.testing import SandboxMixin, SyncSandbox, run_inline
from tests.frameworks.django_site.odd import tasks
from tests.frameworks.django_site.settings import BACKEND, TASKS

APP = "monarq.django.worker"


class InSandbox(SandboxMixin):
    monarq_app = APP

    def run_all(self) -> None:
        self.monarq_sync.drain(raise_errors=False)


class Results(InSandbox, SimpleTestCase):
    def test_a_task_is_ready_and_then_successful(self) -> None:
        for task in (tasks.add, tasks.add_async):
            result = task.enqueue(1, b=2)
            assert (result.status, result.attempts, result.errors) == (TaskResultStatus.READY, 0, [])
            assert task.get_result(result.id) == result, "with args, kwargs and times"
            self.run_all()
            result.refresh()
            again = task.get_result(result.id)
            assert again == result
            assert (again.status, again.return_value, again.attempts) == (TaskResultStatus.SUCCESSFUL, 3, 1)
            assert (again.args, again.kwargs, len(again.worker_ids)) == ([1], {"b": 2}, 1)
            assert again.enqueued_at <= again.started_at <= again.finished_at

    def test_a_task_that_raises_has_failed_with_its_error(self) -> None:
        result = tasks.fails.enqueue("nothing")
        exiting = tasks.fails_async.enqueue()
        self.run_all()
        result.refresh()
        [error] = result.errors
        assert (result.status, result.args, result.attempts) == (TaskResultStatus.FAILED, ["nothing"], 1)
        assert (error.exception_class, len(result.worker_ids)) == (LookupError, 1)
        assert "raise LookupError(word)\nLookupError: nothing\n" in error.traceback
        exiting.refresh()
        assert [error.exception_class for error in exiting.errors] == [SystemExit]

    def test_tries_again_are_attempts_and_their_errors_are_kept(self) -> None:
        tasks.RUNS.clear()
        finished: list[Any] = []

        def note(task_result: Any, **kwargs: Any) -> None:
            finished.append(task_result.status)

        task_finished.connect(note)
        self.addCleanup(task_finished.disconnect, note)
        result = tasks.works_the_third_time.enqueue()
        for attempts in (1, 2):
            self.run_all()
            result.refresh()
            assert (result.status, result.attempts) == (TaskResultStatus.READY, attempts)
            assert len(set(result.worker_ids)) == attempts, "a drain has a worker of its own"
            self.monarq_sync.travel(minutes=20)
        self.run_all()
        result.refresh()
        assert (result.status, result.return_value, result.attempts) == (TaskResultStatus.SUCCESSFUL, 3, 3)
        assert [error.traceback for error in result.errors] == ["ValueError: run 1\n", "ValueError: run 2\n"]
        assert finished == [TaskResultStatus.SUCCESSFUL], "not after each try"

    def test_a_cancelled_task_has_failed(self) -> None:
        result = tasks.add.enqueue(1)
        assert producer().handle(result.id).cancel()
        result.refresh()
        assert result.status == TaskResultStatus.FAILED
        assert [error.exception_class.__name__ for error in result.errors] == ["JobCancelledError"]
        assert tasks.add.get_result(result.id).task == tasks.add, "it has its name still"

    def test_a_deferred_task_is_ready_until_its_time(self) -> None:
        for run_after in (self.monarq_sync.now + timedelta(hours=1), None):
            result = tasks.add.using(run_after=run_after).enqueue(1)
            self.run_all()
            result.refresh()
            assert (result.status == TaskResultStatus.READY) == (run_after is not None)
        self.monarq_sync.travel(hours=1)
        self.run_all()
        assert all(ended.error is None for ended in self.monarq_sync.ended)

    @override_settings(USE_TZ=False, TIME_ZONE="Europe/Rome")
    def test_a_naive_time_is_one_of_the_current_time_zone(self) -> None:
        tasks.add.using(run_after=datetime(2100, 1, 1, 12)).enqueue(1)  # noqa: DTZ001
        [sent] = self.monarq_sync.enqueued(tasks.add.module_path)
        assert "11:00" in str(sent.defer_until) or sent.due_at.hour == 11

    def test_texts_and_numbers_of_djangos_own_kinds_are_plain(self) -> None:
        result = tasks.described.enqueue(mark_safe("<b>"), TaskResultStatus.READY, [{"a": (1, 2.5)}])
        assert [type(value) for value in result.args] == [str, str, list]
        self.run_all()
        result.refresh()
        assert result.status == TaskResultStatus.SUCCESSFUL
        assert result.return_value[3] == ["<b>", "READY", [{"a": [1, 2.5]}]]

    def test_each_queue_finds_its_results(self) -> None:
        ids = [tasks.add.using(queue_name=queue).enqueue(1).id for queue in ("default", "other")]
        for result_id, queue in zip(ids, ("default", "other"), strict=True):
            assert tasks.add.get_result(result_id).task.queue_name == queue

    def test_what_is_not_there_does_not_exist(self) -> None:
        foreign = producer().enqueue(tasks.own_job, "a")
        backend = task_backends["default"]
        unknown = tasks.add.enqueue(1).id[:-4] + "ffff"
        for result_id in ("", "x", "default:x", unknown, foreign.job_id, f"default:{'z' * 32}", 7):
            with pytest.raises(TaskResultDoesNotExist):
                backend.get_result(result_id)

    def test_a_job_with_a_name_from_elsewhere_imports_nothing(self) -> None:
        known = tasks.add.enqueue(1)
        stolen = known.id[:-4] + "abcd"
        from monarq import named

        producer().enqueue(named("this.module").options(job_id=stolen))
        with pytest.raises(TaskResultDoesNotExist):
            tasks.add.get_result(stolen)
        import sys

        assert "this" not in sys.modules

    def test_tasks_get_their_context(self) -> None:
        for task in (tasks.described, tasks.described_async):
            result = task.enqueue(5)
            self.run_all()
            result.refresh()
            assert [error.traceback for error in result.errors] == []
            assert result.return_value == [result.id, 1, "RUNNING", [5], 1, "default"]

    def test_signals_tell_of_each_step(self) -> None:
        heard: list[tuple[str, str]] = []
        signals = {"enqueued": task_enqueued, "started": task_started, "finished": task_finished}
        for word, signal in signals.items():

            def note(task_result: Any, word: str = word, **kwargs: Any) -> None:
                heard.append((word, task_result.id))

            signal.connect(note, weak=False, dispatch_uid=word)
            self.addCleanup(signal.disconnect, dispatch_uid=word)
        for task in (tasks.add, tasks.add_async):
            heard.clear()
            result = task.enqueue(1)
            self.run_all()
            assert heard == [(word, result.id) for word in signals]

    def test_a_task_that_is_tried_again_has_not_finished(self) -> None:
        finished: list[Any] = []

        def note(task_result: Any, **kwargs: Any) -> None:
            finished.append((len(tasks.RUNS), task_result.status, task_result.errors[0].exception_class_path))

        task_finished.connect(note)
        self.addCleanup(task_finished.disconnect, note)
        for task, path in ((tasks.hangs, "builtins.TimeoutError"), (tasks.asks_again, "monarq.JobDeadError")):
            finished.clear()
            tasks.RUNS.clear()
            result = task.enqueue()
            for _ in range(2):
                self.run_all()
                self.monarq_sync.travel(minutes=20)
            assert finished == [(2, "FAILED", path)]
            result.refresh()
            assert result.errors[-1].exception_class_path == path

    def test_jobs_of_ones_own_run_as_well(self) -> None:
        handle = producer().enqueue(tasks.own_job, "a")
        self.run_all()
        assert handle.result() == "A"


class AsyncResults(SandboxMixin, SimpleTestCase):
    monarq_app = APP

    async def test_the_async_forms(self) -> None:
        result = await tasks.add_async.aenqueue(1, b=1)
        await self.monarq.drain()
        await result.arefresh()
        assert (await tasks.add_async.aget_result(result.id)).return_value == result.return_value == 2

    async def test_many_at_once(self) -> None:
        results = await asyncio.gather(*(tasks.add.aenqueue(number) for number in range(50)))
        assert len({result.id for result in results}) == 50


class Commits(InSandbox, TransactionTestCase):
    def test_nothing_is_enqueued_before_the_commit(self) -> None:
        with transaction.atomic():
            enqueue_on_commit(tasks.own_job, "a")
            enqueue_on_commit(tasks.add, 1)
            assert self.monarq_sync.enqueued() == []
        assert len(self.monarq_sync.enqueued()) == 2

    def test_a_rollback_enqueues_nothing(self) -> None:
        with transaction.atomic():
            enqueue_on_commit(tasks.own_job, "a")
            transaction.set_rollback(True)
        assert self.monarq_sync.enqueued() == []

    def test_outside_of_a_transaction_it_is_enqueued_at_once(self) -> None:
        enqueue_on_commit(tasks.own_job, "a")
        self.monarq_sync.assert_enqueued(tasks.own_job, "a")

    def test_wrong_arguments_are_refused_before_the_commit(self) -> None:
        with transaction.atomic():
            with self.assertRaisesMessage(TypeError, "own_job"):
                enqueue_on_commit(tasks.own_job, "a", "b")
            with self.assertRaisesMessage(ArgumentsError, "word"):
                enqueue_on_commit(tasks.own_job, 7)
            with self.assertRaisesMessage(ArgumentsError, "odd.tasks.add"):
                enqueue_on_commit(tasks.add, 1, 2, 3)
            with self.assertRaisesMessage(TypeError, "object"):
                enqueue_on_commit(tasks.add, object())
            with self.assertRaisesMessage(TypeError, "is neither a job nor a task"):
                enqueue_on_commit(print)


ELSEWHERE = "redis://localhost:1"


@override_settings(
    TASKS={"default": {"BACKEND": BACKEND, "OPTIONS": {"redis": ELSEWHERE, "producer": {"retry_for": 0}}}}
)
class Elsewhere(SandboxMixin, SimpleTestCase):
    """With a Redis in the settings, which a test must not touch."""

    def test_tasks_and_jobs_are_enqueued_in_the_sandbox(self) -> None:
        result = tasks.add.enqueue(1)
        producer().enqueue(tasks.own_job, "a")
        enqueue_on_commit(tasks.own_job, "b")
        assert len(self.monarq_sync.drain()) == 3
        result.refresh()
        assert result.return_value == 1

    def test_so_they_are_in_the_next_test_by_the_same_producer(self) -> None:
        self.test_tasks_and_jobs_are_enqueued_in_the_sandbox()

    async def test_async(self) -> None:
        await tasks.add_async.aenqueue(1)
        self.monarq.assert_enqueued(tasks.add_async, 1)

    def test_without_a_sandbox_it_is_the_settings_redis(self) -> None:
        self.monarq_sync.close()
        with self.assertRaisesMessage(RedisUnavailableError, "localhost:1"):
            tasks.add.enqueue(1)


class Queues(SandboxMixin, SimpleTestCase):
    def test_each_sandbox_sees_the_jobs_of_every_queue(self) -> None:
        self.monarq_sync.close()
        for _ in range(3):
            with SyncSandbox() as sandbox:
                tasks.add.using(queue_name="other").enqueue(1)
                assert len(sandbox.enqueued()) == len(sandbox.drain()) == 1


class Assertions(SandboxMixin, SimpleTestCase):
    def test_a_task_is_given_as_it_is(self) -> None:
        tasks.add.enqueue(1)
        for call in ((1,), (1, 0), (ANY,), ()):
            self.monarq_sync.assert_enqueued(tasks.add, *call)
        self.monarq_sync.assert_enqueued(tasks.add, a=1)
        self.monarq_sync.assert_enqueued(tasks.add, queue="default")
        self.monarq_sync.assert_not_enqueued(tasks.add, 2)
        self.monarq_sync.assert_not_enqueued(tasks.add_async)
        self.monarq_sync.assert_not_enqueued(tasks.add.using(queue_name="other"))
        tasks.add.using(queue_name="other").enqueue(3)
        assert self.monarq_sync.assert_enqueued(tasks.add.using(queue_name="other")).args == (3,)
        with self.assertRaisesMessage(AssertionError, "odd.tasks.add(2) is not enqueued"):
            self.monarq_sync.assert_enqueued(tasks.add, 2)
        with self.assertRaisesMessage(TypeError, "odd.tasks.add(a: 'int', b: 'int' = 0)"):
            self.monarq_sync.assert_enqueued(tasks.add, 1, 2, 3)

    def test_arguments_are_compared_as_json_carries_them(self) -> None:
        tasks.described.enqueue((1, 2))
        self.monarq_sync.assert_enqueued(tasks.described, (1, 2))

    def test_what_ended_has_the_tasks_own_value(self) -> None:
        tasks.add.enqueue(1, 1)
        [ended] = self.monarq_sync.drain()
        assert (ended.value, ended.args) == (2, (1, 1))

    def test_tasks_are_known_whatever_the_application_is(self) -> None:
        self.monarq_sync.close()
        with SyncSandbox([tasks.own_job]) as sandbox:
            tasks.add.enqueue(1)
            assert [ended.value for ended in sandbox.drain()] == [1]

    def test_the_mixin_must_come_first(self) -> None:
        with self.assertRaisesMessage(TypeError, "class Wrong(SandboxMixin, SimpleTestCase)"):

            class Wrong(SimpleTestCase, SandboxMixin):
                pass


class Calls(InSandbox, SimpleTestCase):
    def test_wrong_arguments_are_refused_by_enqueue(self) -> None:
        for task, args in ((tasks.add, (1, 2, 3)), (tasks.add_async, ()), (tasks.context_and_one, (1, 2))):
            with self.assertRaisesMessage(ArgumentsError, task.module_path):
                task.enqueue(*args)
            with self.assertRaisesMessage(ArgumentsError, task.module_path):
                asyncio.run(task.aenqueue(*args))
        with self.assertRaisesMessage(ArgumentsError, "'c'"):
            tasks.add.enqueue(1, c=2)
        assert self.monarq_sync.enqueued() == []
        tasks.context_and_one.enqueue(1)
        tasks.add.enqueue(a=1, b=2)

    def test_a_task_is_not_enqueued_by_a_producer(self) -> None:
        with self.assertRaisesMessage(
            TypeError, "add is a task of Django, not a job: enqueue it with add.enqueue(...)"
        ):
            producer().enqueue(tasks.add, 3)
        with self.assertRaisesMessage(TypeError, "add.enqueue(...)"):
            producer().enqueue_many(tasks.add, [(3,)])

    def test_a_task_is_called_or_drained_and_not_run_inline(self) -> None:
        with self.assertRaisesMessage(TypeError, "add is a task of Django, not a job: call it with add.call(...)"):
            asyncio.run(run_inline(tasks.add, 3))
        assert tasks.add.call(3) == 3


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"jobs": 3}, "'jobs'"),
    ({"redis": "localhost"}, "redis: "),
    ({"redis": 7}, "redis: "),
    ({"lane": "threads"}, "'threads'"),
    ({"job": {"timeot": 3}}, "did you mean 'timeout'?"),
    ({"job": {"timeout": "3 min"}}, "job: timeout"),
    ({"job": {"name": "x"}}, "job: 'name' cannot be given here"),
    ({"job": {"memory": "1GB"}}, "'memory' is for plain functions on the cpu lane"),
    ({"job": 3}, "job: it is 3: give a dict"),
    ({"producer": {"retry": 3}}, "producer: a producer has no setting 'retry'; there are queue, "),
    ({"producer": {"url": "redis://x"}}, "producer: 'url' cannot be given here: give the URL as 'redis'"),
]


class Settings(SimpleTestCase):
    def test_a_task_is_not_enqueued_with_wrong_settings(self) -> None:
        for options, words in WRONG:
            with self.subTest(options), override_settings(TASKS={"default": {"BACKEND": BACKEND, "OPTIONS": options}}):
                [told] = self.wrong(OPTIONS=options)
                assert words in told, told
                for enqueue in (
                    lambda: tasks.add.enqueue(1),
                    lambda: enqueue_on_commit(tasks.own_job, "a"),
                    lambda: producer(),
                ):
                    with self.assertRaisesMessage(SettingsError, told):
                        enqueue()

    def test_options_are_a_dict(self) -> None:
        assert self.wrong(OPTIONS=["redis"]) == ["TASKS['default']: OPTIONS is ['redis']: give a dict"]

    def wrong(self, **params: Any) -> list[str]:
        return [str(message.msg) for message in MonarqBackend("default", params).check()]

    def test_the_checks_name_what_is_wrong(self) -> None:
        for alias, params in TASKS.items():
            assert list(MonarqBackend(alias, params).check()) == []
        options = {
            "radis": 1,
            "lane": "fast",
            "redis": "http://x",
            "producer": {"retry_for": -1},
            "job": {"timeout": "x"},
        }
        told = self.wrong(OPTIONS=options, QUEUES=["a{b}"])
        assert all(message.startswith("TASKS['default']: ") for message in told)
        for words in (
            "'radis'; there are redis, producer, job, lane",
            "'fast': give 'thread' or 'cpu'",
            "redis: ",
            "producer: ",
            "job: ",
            "QUEUES, 'a{b}': ",
        ):
            assert [message for message in told if words in message], (words, told)
        assert len(told) == 6

    @override_settings(TASKS={"default": {"BACKEND": BACKEND, "OPTIONS": {"redis": "http://x"}}})
    def test_a_wrong_setting_is_named_by_an_enqueue(self) -> None:
        with pytest.raises(SettingsError):
            tasks.add.enqueue(1)

    def test_a_backend_of_another_kind_has_no_producer(self) -> None:
        immediate = f"{_framework()}.backends.immediate.ImmediateBackend"
        with override_settings(TASKS={"default": {"BACKEND": immediate}}):
            with self.assertRaisesMessage(TypeError, "has no producer"):
                producer()
            with self.assertRaisesMessage(CommandError, "no backend of monarq"):
                call_command("monarq_worker")
            with self.assertRaisesMessage(CommandError, "is no monarq.django.MonarqBackend"):
                call_command("monarq_worker", "--backend", "default")

    def test_backends_on_different_servers_need_a_worker_each(self) -> None:
        named = {name: {"BACKEND": BACKEND, "OPTIONS": {"redis": f"redis://{name}"}} for name in ("default", "b")}
        with (
            override_settings(TASKS=named),
            self.assertRaisesMessage(CommandError, "with manage.py monarq_worker --backend ALIAS"),
        ):
            call_command("monarq_worker")


def _framework() -> str:
    return type(task_backends).__module__
