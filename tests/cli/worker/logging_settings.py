"""arq's settings, of a job that logs."""

from __future__ import annotations

import logging
from typing import Any


async def log_as_arq(ctx: dict[str, Any]) -> None:
    logging.getLogger(__name__).info("from arq's job")


class WorkerSettings:
    functions = (log_as_arq,)
