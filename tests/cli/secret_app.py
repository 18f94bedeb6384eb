"""arq settings that hold a signing key of their own."""

from __future__ import annotations

from typing import ClassVar

from monarq import job

KEY = "key-in-the-settings-" + "5e71"


@job(name="square_in_secret")
def square(n: int) -> int:
    return n * n


class WorkerSettings:
    functions: ClassVar = [square]
    signing_key = KEY
