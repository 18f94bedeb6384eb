"""The scripts of enqueues are on the server: one that does not know a script carries nothing out."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.formats.native.script import NativeScript


@pytest.fixture(autouse=True)
async def known_scripts(redis: Redis) -> None:
    """Loads both texts of each native script that a lost enqueue goes by."""
    for path in ("jobs/enqueue", "jobs/enqueue_checked"):
        script = NativeScript.load(path)
        for text in (script, script.short):
            if text is not None:
                await redis.script_load(text.source)
