"""The token of a claim: proves that a worker owns a job, and says who runs it and since when."""

from __future__ import annotations

import time
from typing import Final

from monarq.shared.lane import LaneQueue
from monarq.shared.protocol.pages import Holder
from monarq.shared.redis.replies import text

ARQ_TOKEN: Final = b"1"
"""The token of stock arq workers."""


def make_token(worker_id: str, lane_queue: LaneQueue, number: int) -> str:
    """The token of a worker's claim of this number: ``<worker>:<set>:<number>:<unix ms>``."""
    return f"{worker_id}:{lane_queue}:{number}:{time.time_ns() // 1_000_000}"


def parse_token(token: bytes) -> Holder:
    """Parses a token; one of an unknown form, from another version or program, is taken as a name as a whole."""
    if token == ARQ_TOKEN:
        return Holder("arq")
    parts = text(token).rsplit(":", 3)
    if len(parts) < 4 or not (parts[3].isascii() and parts[3].isdecimal()) or len(parts[3]) > 15:
        return Holder(text(token))
    return Holder(parts[0], int(parts[3]))
