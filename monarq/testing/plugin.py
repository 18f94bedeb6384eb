"""The pytest plugin: the fixtures ``monarq`` and ``monarq_sync``.

It is loaded in every test run where monarq is installed, so it imports nothing else of monarq before a test asks for a
sandbox. Its fixtures are plain ones: they work with pytest-asyncio in either mode, with anyio, and with neither.
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
    """The application whose jobs the sandboxes run; override it with a fixture of your own.

    An `App`, a module with jobs, the dotted path of one of them, or a list of jobs and crons. Default: the target in
    ``[tool.monarq.testing]``, else whatever jobs are declared where the test runs.
    """
    from monarq.shared.settings.lookup import configured

    return configured("testing", "target")


@pytest.fixture
def monarq(monarq_app: object) -> Iterator[Sandbox]:
    """A private Redis for an asyncio test, whose jobs run when it says ``await monarq.drain()``."""
    from monarq.testing.sandbox import Sandbox

    sandbox = Sandbox(monarq_app)
    sandbox.open()
    yield sandbox
    sandbox.close()


@pytest.fixture
def monarq_sync(monarq_app: object) -> Iterator[SyncSandbox]:
    """The same for a blocking test: ``monarq_sync.drain()``."""
    from monarq.testing.sync import SyncSandbox

    sandbox = SyncSandbox(monarq_app)
    sandbox.open()
    yield sandbox
    sandbox.close()
