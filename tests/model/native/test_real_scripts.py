"""The real scripts on a real Redis, in the model's random world: no promise is broken, and a fault in one is found.

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
from monarq.shared.formats.arq.script import ArqScript
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.redis.scripts import Script
from tests.model.native.real_scripts import RealScripts
from tests.model.native.real_source import RealSource
from tests.model.native.runs import run_all
from tests.model.native.world import Setting, World

RUNS: Final = 75
MOVES: Final = 30
MOST_RUNS: Final = 1000
"""Until a fault is found: most are within a few, but chance differs from server to server."""
STEPS: Final = 100


@pytest.fixture
def client(redis_server: EmbeddedRedis) -> Iterator[blocking_redis.Redis]:
    with blocking_redis.Redis.from_url(redis_server.url, single_connection_client=True) as connected:
        yield connected
        connected.flushdb()


def real_world(client: blocking_redis.Redis, goes_back: bool, seed: int) -> World:
    return World(seed, make_scripts=partial(RealScripts, client), setting=Setting.real(goes_back=goes_back))


def growing_world(client: blocking_redis.Redis, goes_back: bool, seed: int) -> World:
    """The queue has shards, and gets more."""
    setting = Setting.real(goes_back=goes_back, grows=True)
    return World(seed, make_scripts=partial(RealScripts, client), setting=setting)


def moving_world(client: blocking_redis.Redis, goes_back: bool, seed: int) -> World:
    """Jobs come from a queue in arq's format, by real scripts as well; its Redis is another, and never goes back."""
    scripts, source = partial(RealScripts, client), partial(RealSource, client)
    return World(seed, make_scripts=scripts, make_source=source, setting=Setting.moving(goes_back=goes_back))


@pytest.mark.timeout(300)
@pytest.mark.parametrize("goes_back", [False, True], ids=["steady", "Redis goes back"])
def test_no_promise_is_broken(client: blocking_redis.Redis, goes_back: bool) -> None:
    found = run_all(range(RUNS), partial(real_world, client, goes_back), steps=STEPS)
    assert found.violation is None, (found.seed, found.violation, found.violation.__notes__)
    least = Counter({"ends": 5 * RUNS, "late calls": 2 * RUNS, "recovered": RUNS // 2, "retry": RUNS // 10})
    assert not least - found.counts
    assert (found.counts["went back"] > RUNS / 2) == goes_back


@pytest.mark.timeout(300)
@pytest.mark.parametrize("goes_back", [False, True], ids=["steady", "Redis goes back"])
def test_no_promise_is_broken_where_the_queue_grows(client: blocking_redis.Redis, goes_back: bool) -> None:
    found = run_all(range(RUNS), partial(growing_world, client, goes_back), steps=STEPS)
    assert found.violation is None, (found.seed, found.violation, found.violation.__notes__)
    assert found.counts["ends"] > 4 * RUNS


@pytest.mark.timeout(300)
@pytest.mark.parametrize("goes_back", [False, True], ids=["steady", "Redis goes back"])
def test_no_promise_of_a_move_is_broken(client: blocking_redis.Redis, goes_back: bool) -> None:
    found = run_all(range(MOVES), partial(moving_world, client, goes_back), steps=STEPS)
    assert found.violation is None, (found.seed, found.violation, found.violation.__notes__)
    assert not Counter({"ends": 5 * MOVES, "late calls": 2 * MOVES}) - found.counts


@dataclass(frozen=True, slots=True)
class Fault:
    """A script with a thought left out.

    Attributes:
        script: the script, as its binding's module and attribute.
        right, wrong: a piece of its text, and what it becomes.
        first: a seed near which a run finds it; ids that a recovery takes first differ from server to server.
        goes_back: whether Redis must go back for that.
        grows: whether it takes a queue that grows.
    """

    script: str
    right: str
    wrong: str
    first: int = 0
    goes_back: bool = False
    grows: bool = False

    def __str__(self) -> str:
        return f"{self.script}: {self.right}"


FAULTS: Final = [
    Fault("jobs.finish._MIXED", "held[i + 1] ~= ARGV[last + i]", "not held[i + 1]", 94),
    Fault("jobs.finish._MIXED", "redis.call('ZREM', CANCELS, unpack(ARGV, first, last))", "", 2),
    Fault("jobs.requeue._REQUEUE", "held[i + 1] ~= ARGV[first + (i - 1) * stride + 1]", "not held[i + 1]", 34),
    Fault("jobs.requeue._REQUEUE", "redis.call('HDEL', HELD, unpack(ids))", ""),
    Fault("jobs.requeue._CRASH", "note.crashes + 1", "note.crashes"),
    Fault("jobs.claim._SCRIPT", "local held = {newest, number}", "local held = {newest, '0'}", 2),
    Fault("jobs.claim._SCRIPT", "if gone[1] or gone[2] then", "if false then", 63),
    Fault("jobs.claim._SCRIPT", "if flags == 'a' or flags == 'fa' then", "if false then", 34),
    Fault("jobs.claim._SCRIPT", "redis.call('EXISTS', CANCELS) == 1 and", "false and"),
    Fault("jobs.claim._SCRIPT", "read_note(note).crashes ~= alone", "true", 2),
    Fault("jobs.claim._SCRIPT", "if known[2] or limit < 1 then", "if limit < 1 then", 5),
    Fault("jobs.enqueue._NEW", "if redis.call('ZSCORE', BARRED, ARGV[1]) then", "if false then"),
    Fault("jobs.enqueue._CHECKED", "elseif ended[i] then", "elseif ended[i] and not is_repeated then", 1),
    Fault("jobs.enqueue._CHECKED", "is_repeated and payload == job.payload and 1", "is_repeated and 1"),
    Fault("workers.leases._RECOVER", "redis.call('HDEL', HELD, '\\0')", "", 3),
    Fault("workers.leases._RECOVER", "'c' and cpu or io", "'x' and cpu or io"),
    Fault("workers.leases._RETIRE", "if jobs > 0 then", "if false then", 123, goes_back=True),
    Fault("workers.leases._RECONCILE", "and number <= tonumber(ARGV[first + 1])", "", 18, goes_back=True),
    Fault("workers.leases._RECONCILE", "known[id] ~= token and", "", 2, goes_back=True),
    Fault("jobs.cancel._SCRIPT", "redis.call('ZREM', CANCELS, id)", "", 17),
    Fault("jobs.enqueue._CHECKED", "return shards > believes and", "return false and", grows=True),
    Fault("jobs.look._LOOK", "local stored = redis.call('HGET', PAYLOADS, id)", "local stored = false", grows=True),
    Fault("transfer.target._PUT", "if was_in(mark) then", "if false then"),
]
"""What chance finds soon; `tests/shared/formats/native/test_fences.py` has the others."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_in_a_script_is_found(
    fault: Fault, client: blocking_redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = fault.script.rpartition(".")
    binding = importlib.import_module(f"monarq.shared.formats.native.{module}")
    right: NativeScript = getattr(binding, name)
    assert right.source.count(fault.right) == 1, "the script has changed: find the place of this thought in it"
    sources = [each.source.replace(fault.right, fault.wrong) for each in (right, right.short) if each]
    short = Script(right.name, sources[1]) if right.short else None
    wrong = NativeScript(right.name, sources[0], right.key_names, right.due_names, short)
    monkeypatch.setattr(binding, name, wrong)
    make_world = moving_world if module.startswith("transfer") else growing_world if fault.grows else real_world
    seeds = range(fault.first, fault.first + MOST_RUNS)
    found = run_all(seeds, partial(make_world, client, fault.goes_back), steps=STEPS)
    assert found.violation is not None


ARQ_FAULTS: Final = [
    Fault("transfer.source._BEGIN", "redis.call('SET', PAUSED, ms(now_ms()))", ""),
    Fault("queues.pause._SCRIPT", "if redis.call('EXISTS', MOVING) == 1 then", "if false then"),
]
"""Of the queue that jobs are moved from; `tests/monitor/admin/test_mover.py` has the others."""


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", ARQ_FAULTS, ids=str)
def test_a_fault_in_a_script_of_a_move_s_source_is_found(
    fault: Fault, client: blocking_redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    module, _, name = fault.script.rpartition(".")
    binding = importlib.import_module(f"monarq.shared.formats.arq.{module}")
    right: ArqScript = getattr(binding, name)
    assert right.source.count(fault.right) == 1, "the script has changed: find the place of this thought in it"
    monkeypatch.setattr(binding, name, ArqScript(right.name, right.source.replace(fault.right, fault.wrong)))
    seeds = range(fault.first, fault.first + MOST_RUNS)
    assert run_all(seeds, partial(moving_world, client, False), steps=STEPS).violation is not None
