"""A sandbox in a `unittest.TestCase`."""

from __future__ import annotations

import asyncio
import os
import unittest
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

import pytest

from monarq import MonarqError
from monarq.testing import SandboxMixin
from tests.testing import shop
from tests.testing.shop import clean_up, send, signup, signup_sync


class BlockingTest(SandboxMixin, unittest.TestCase):
    """As an application writes one; pytest runs it, too."""

    def test_jobs_are_run_and_asserted(self) -> None:
        signup_sync("a@b")
        self.monarq_sync.assert_enqueued(send, "a@b")
        [ended] = self.monarq_sync.drain()
        assert ended.value == "sent to a@b"

    def test_each_test_begins_with_an_empty_redis(self) -> None:
        assert self.monarq_sync.enqueued() == []
        assert self.monarq_sync.ended == []

    def test_an_async_sandbox_is_not_for_it(self) -> None:
        with pytest.raises(MonarqError, match=r"blocking test: use self\.monarq_sync"):
            self.monarq.enqueued()


class AsyncTest(SandboxMixin, unittest.IsolatedAsyncioTestCase):
    """The same for asyncio."""

    monarq_app = "tests.testing.shop"
    monarq_options: ClassVar[dict[str, Any]] = {"concurrency": 3}

    async def test_jobs_are_run_and_asserted(self) -> None:
        await signup("a@b")
        self.monarq.assert_enqueued(send, "a@b")
        [ended] = await self.monarq.drain()
        assert ended.value == "sent to a@b"

    async def test_the_crons_of_its_application_fire(self) -> None:
        self.monarq.travel(days=1)
        assert [each.job_name for each in await self.monarq.drain()] == [clean_up.name]

    async def test_a_blocking_sandbox_is_not_for_it(self) -> None:
        with pytest.raises(MonarqError, match=r"async test: use self\.monarq"):
            self.monarq_sync.enqueued()


def test_the_mixin_must_come_before_the_test_case() -> None:
    with pytest.raises(TypeError, match=r"list SandboxMixin first.*: class Wrong\(SandboxMixin, TestCase\)"):
        type("Wrong", (unittest.TestCase, SandboxMixin), {})


def test_a_set_up_that_calls_no_other_is_named() -> None:
    class Forgetful(SandboxMixin, unittest.TestCase):
        def setUp(self) -> None:
            pass

        def test(self) -> None:
            self.monarq_sync.drain()

    result = unittest.TestResult()
    Forgetful("test").run(result)
    [(_, trace)] = result.errors
    assert "call super().setUp() first" in trace


class DjangosTest(unittest.TestCase):
    """Wraps async tests as Django's test cases do: before setUp, in a blocking function."""

    def __call__(self, result: unittest.TestResult | None = None) -> None:
        """Runs the test."""
        method: Callable[[], Any] = getattr(self, self._testMethodName)
        if asyncio.iscoroutinefunction(method):
            setattr(self, self._testMethodName, lambda: _run(method))
        super().__call__(result)


def _run(method: Callable[[], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(method())


def test_an_async_test_of_djangos_test_case_has_an_async_sandbox() -> None:
    class Signup(SandboxMixin, DjangosTest):
        async def test_signup(self) -> None:
            await signup("a@b")
            assert [each.job_name for each in await self.monarq.drain()] == ["send"]

        def test_blocking(self) -> None:
            signup_sync("a@b")
            assert [each.job_name for each in self.monarq_sync.drain()] == ["send"]

    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Signup).run(result)
    assert result.wasSuccessful(), result.errors + result.failures
    assert result.testsRun == 2


def test_the_sandbox_is_closed_where_the_test_or_the_set_up_fails() -> None:
    class Failing(SandboxMixin, unittest.TestCase):
        def setUp(self) -> None:
            super().setUp()
            assert os.environ["REDIS_URL"] == self.monarq_sync.url
            raise ValueError

        def test_it(self) -> None:
            shop.SENT.append("never")

    before = os.environ.get("REDIS_URL")
    result = unittest.TestResult()
    unittest.defaultTestLoader.loadTestsFromTestCase(Failing).run(result)
    assert len(result.errors) == 1
    assert os.environ.get("REDIS_URL") == before
