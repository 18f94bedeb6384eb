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
        monarq_app: the application; see `Sandbox`. Default: in a Django project whose TASKS name monarq's backend,
            "monarq.django.worker", which has its tasks and the jobs beside them; else none.
        monarq_options: the other arguments of `Sandbox`, by name. Default: none.
    """

    monarq_app: ClassVar[object] = None
    monarq_options: ClassVar[dict[str, Any]] = {}

    _sandbox: Sandbox | SyncSandbox | None = None

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        order = cls.__mro__
        if unittest.TestCase in order and order.index(unittest.TestCase) < order.index(SandboxMixin):
            bases = ", ".join(["SandboxMixin", *(base.__name__ for base in cls.__bases__ if base is not SandboxMixin)])
            raise TypeError(f"list SandboxMixin first, or no sandbox is opened: class {cls.__name__}({bases})")

    def setUp(self) -> None:
        """Opens the sandbox."""
        sandbox = (Sandbox if self._is_async() else SyncSandbox)(self.monarq_app, **self.monarq_options)
        sandbox.open()
        self.addCleanup(sandbox.close)
        self._sandbox = sandbox
        super().setUp()

    @property
    def monarq(self) -> Sandbox:
        """The sandbox of an async test."""
        self._check_set_up()
        if not isinstance(self._sandbox, Sandbox):
            raise MonarqError(f"{self._testMethodName} is a blocking test: use self.monarq_sync in it")
        return self._sandbox

    @property
    def monarq_sync(self) -> SyncSandbox:
        """The sandbox of a blocking test."""
        self._check_set_up()
        if not isinstance(self._sandbox, SyncSandbox):
            raise MonarqError(f"{self._testMethodName} is an async test: use self.monarq in it")
        return self._sandbox

    def _check_set_up(self) -> None:
        if self._sandbox is None:
            raise MonarqError("the sandbox is not open yet: call super().setUp() first, in your own setUp")

    def _is_async(self) -> bool:
        # The function as written: Django replaces it with a blocking one.
        written = inspect.unwrap(getattr(type(self), self._testMethodName))
        return inspect.iscoroutinefunction(written)
