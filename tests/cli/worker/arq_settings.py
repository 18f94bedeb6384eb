"""A settings class as arq has them."""

from __future__ import annotations

from typing import Any, ClassVar


async def greet(ctx: dict[Any, Any], name: str) -> str:
    return f"hello {name}"


class WorkerSettings:
    functions: ClassVar = [greet]
    queue_name = "arq:greetings"
    max_jobs = 7
