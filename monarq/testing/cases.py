"""`SandboxMixin`: a sandbox for each test of a `unittest.TestCase`, or of one of Django's."""

from __future__ import annotations

import inspect
import unittest
from typing import TYPE_CHECKING, Any, ClassVar

from monarq.shared.errors import MonarqError
from monarq.testing.sandbox import Sandbox
from monarq.testing.sync import SyncSandbox

if TYPE_CHECKING:
    _Base = unittest.TestCase  # as its users name theirs behind it
else:
    _Base = object


class SandboxMixin(_Base):
    """Opens a sandbox for each test: name it before the test case, as in ``class Signup(SandboxMixin, TestCase)``.

    A blocking test uses ``self.monarq_sync``, an async one ``self.monarq``: that of an `IsolatedAsyncioTestCase`, or of
    a test case of Django's.

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
        # As it was written: Django puts a blocking function in its place.
        written = inspect.unwrap(getattr(type(self), self._testMethodName))
        return inspect.iscoroutinefunction(written)
