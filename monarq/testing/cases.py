"""`SandboxMixin`: a sandbox for each test of a `unittest.TestCase` or a Django test case."""

from __future__ import annotations

import inspect
import unittest
from typing import TYPE_CHECKING, Any, ClassVar

from monarq.shared.errors import MonarqError
from monarq.testing.sandbox import Sandbox
from monarq.testing.sync import SyncSandbox

if TYPE_CHECKING:
    _Base = unittest.TestCase  # users list their own test case after the mixin
else:
    _Base = object


class SandboxMixin(_Base):
    """Opens a sandbox for each test. List it before the test case, as in ``class Signup(SandboxMixin, TestCase)``.

    A blocking test uses ``self.monarq_sync``. An async test, in an `IsolatedAsyncioTestCase` or a Django test case,
    uses ``self.monarq``.

    Attributes:
        monarq_app: the application; see `Sandbox`. Default: none.
        monarq_options: the other arguments of `Sandbox`, by name. Default: none.
    """

    monarq_app: ClassVar[object] = None
    monarq_options: ClassVar[dict[str, Any]] = {}

    def setUp(self) -> None:
        """Opens the sandbox."""
        self._sandbox = (Sandbox if self._is_async() else SyncSandbox)(self.monarq_app, **self.monarq_options)
        self._sandbox.open()
        self.addCleanup(self._sandbox.close)
        super().setUp()

    @property
    def monarq(self) -> Sandbox:
        """The sandbox of an async test."""
        if not isinstance(self._sandbox, Sandbox):
            raise MonarqError(f"{self._testMethodName} is a blocking test: use self.monarq_sync in it")
        return self._sandbox

    @property
    def monarq_sync(self) -> SyncSandbox:
        """The sandbox of a blocking test."""
        if not isinstance(self._sandbox, SyncSandbox):
            raise MonarqError(f"{self._testMethodName} is an async test: use self.monarq in it")
        return self._sandbox

    def _is_async(self) -> bool:
        # The function as written: Django replaces it with a blocking one.
        written = inspect.unwrap(getattr(type(self), self._testMethodName))
        return inspect.iscoroutinefunction(written)
