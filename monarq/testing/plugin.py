"""The pytest plugin: the fixtures ``monarq`` and ``monarq_sync``.

It is loaded in every test run if monarq is installed, so it imports nothing else of monarq until a test requests a
sandbox. Its fixtures are not async: they work with pytest-asyncio in either mode, with anyio, and with neither.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from monarq.testing.sandbox import Sandbox
    from monarq.testing.sync import SyncSandbox


@pytest.fixture
def monarq_app() -> object:
    """The application whose jobs the sandboxes run. Override it with your own fixture.

    It is an `App`, a module with jobs, the dotted path of either, or a list of jobs and crons. Default: the target in
    ``[tool.monarq.testing]``, else all jobs that are declared in the test process.
    """
    from monarq.shared.settings.lookup import configured

    return configured("testing", "target")


@pytest.fixture
def monarq(monarq_app: object) -> Iterator[Sandbox]:
    """A sandbox with a private Redis, for an asyncio test. Its jobs run on ``await monarq.drain()``."""
    from monarq.testing.sandbox import Sandbox

    sandbox = Sandbox(monarq_app)
    sandbox.open()
    yield sandbox
    sandbox.close()


@pytest.fixture
def monarq_sync(monarq_app: object) -> Iterator[SyncSandbox]:
    """The same for a blocking test. Its jobs run on ``monarq_sync.drain()``."""
    from monarq.testing.sync import SyncSandbox

    sandbox = SyncSandbox(monarq_app)
    sandbox.open()
    yield sandbox
    sandbox.close()
