"""The real scripts on a real Redis, in the model's random world: no promise is broken, and a fault in a script is found.

`python -m tests.model.native RUNS --real` does more.
"""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Final

import pytest
import redis as blocking_redis

from monarq.embedded import EmbeddedRedis
from monarq.shared.formats.native.script import NativeScript
from tests.model.native.real_scripts import RealScripts
from tests.model.native.runs import run_all
from tests.model.native.world import Setting, World

RUNS: Final = 75
STEPS: Final = 100


@pytest.fixture
def client(redis_server: EmbeddedRedis) -> Iterator[blocking_redis.Redis]:
    with blocking_redis.Redis.from_url(redis_server.url, single_connection_client=True) as connected:
        yield connected
        connected.flushdb()


def real_world(client: blocking_redis.Redis, goes_back: bool, seed: int) -> World:
    return World(seed, make_scripts=partial(RealScripts, client), setting=Setting.plain(goes_back=goes_back))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("goes_back", [False, True], ids=["steady", "Redis goes back"])
def test_no_promise_is_broken(client: blocking_redis.Redis, goes_back: bool) -> None:
    found = run_all(range(RUNS), partial(real_world, client, goes_back), steps=STEPS)
    assert found.violation is None, (found.seed, found.violation, found.violation.__notes__)
    least = Counter({"ends": 5 * RUNS, "late calls": 2 * RUNS, "recovered": RUNS // 2, "retry": RUNS // 10})
    assert not least - found.counts
    assert (found.counts["went back"] > RUNS / 2) == goes_back
