"""arq settings that hold a signing key of their own."""

from __future__ import annotations

from typing import ClassVar

from tests.cli import jobs

KEY = "key-in-the-settings-" + "5e71"


class WorkerSettings:
    functions: ClassVar = [jobs.double, jobs.square]
    signing_key = KEY
