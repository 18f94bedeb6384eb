"""Redis keys: arq's as arq spells them, a queue's own in one slot of a cluster, and the same for the scripts."""

from __future__ import annotations

import re
from collections.abc import Callable

import arq.constants
import pytest
from redis.asyncio import Redis
from redis.crc import key_slot

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.keys import QueueKeys, lua_keys

QUEUES = ("arq:queue", "emails", "a b", "é", "")
OF_A_QUEUE = ("cpu", "ended", "workers", "known_names", "recent", "dead", "cron", "crons", "reports", "paused")
OF_AN_ID = ("progress", "worker", "leases", "dead_letter", "crash", "no_result", "history")


def own_keys(queue: QueueKeys, an_id: str = "x") -> list[str]:
    """All of a queue's own keys, with this id in those of jobs and workers."""
    of_an_id = [getattr(queue, name)(an_id) for name in OF_AN_ID]
    return [*(getattr(queue, name) for name in OF_A_QUEUE), queue.wake("io"), queue.wake("cpu"), *of_an_id]


@pytest.mark.parametrize(
    ("ours", "arqs"),
    [
        (names.DEFAULT_QUEUE, arq.constants.default_queue_name),
        (names.JOB_PREFIX, arq.constants.job_key_prefix),
        (names.IN_PROGRESS_PREFIX, arq.constants.in_progress_key_prefix),
        (names.RETRY_PREFIX, arq.constants.retry_key_prefix),
        (names.RESULT_PREFIX, arq.constants.result_key_prefix),
        (names.ABORT, arq.constants.abort_jobs_ss),
        (names.HEALTH_CHECK_SUFFIX, arq.constants.health_check_key_suffix),
    ],
)
def test_arqs_keys_are_spelled_as_arq_does(ours: str, arqs: str) -> None:
    assert ours == arqs


@pytest.mark.parametrize(
    ("key_of", "prefix"),
    [
        (names.job, arq.constants.job_key_prefix),
        (names.in_progress, arq.constants.in_progress_key_prefix),
        (names.retry, arq.constants.retry_key_prefix),
        (names.result, arq.constants.result_key_prefix),
    ],
)
@pytest.mark.parametrize("job_id", ["one", "a:b", "é", ""])
def test_a_jobs_keys_end_with_its_id(key_of: Callable[[str], str], prefix: str, job_id: str) -> None:
    assert key_of(job_id) == prefix + job_id


@pytest.mark.parametrize("queue", QUEUES)
def test_a_queues_own_keys_are_all_different_and_below_its_base(queue: str) -> None:
    keys = QueueKeys.of(queue)
    assert (keys.queue, keys.base) == (queue, f"monarq:{{{queue}}}:")
    found = own_keys(keys)
    assert len(found) == len(set(found))
    assert all(key.startswith(keys.base) and key != keys.base for key in found)
    assert keys.script_keys == [queue, keys.base, "arq:job:"]


@pytest.mark.parametrize("queue", [queue for queue in QUEUES if queue])
def test_a_queues_own_keys_lie_in_one_slot_of_a_cluster(queue: str) -> None:
    slots = {key_slot(key.encode()) for key in own_keys(QueueKeys.of(queue), "{other}")}
    assert slots == {key_slot(queue.encode())}


def test_queues_share_no_key() -> None:
    found = [key for queue in QUEUES for key in own_keys(QueueKeys.of(queue))]
    assert len(found) == len(set(found))


def test_no_id_makes_a_key_of_another_kind() -> None:
    keys = QueueKeys.of("q")
    for an_id in ("", "a:b", "cpu", ":"):
        found = [getattr(keys, name)(an_id) for name in OF_AN_ID]
        assert not {*found} & {getattr(keys, name) for name in OF_A_QUEUE}
        assert all(key.endswith(an_id) for key in found)


@pytest.mark.parametrize(("lane", "key"), [("io", "monarq:{q}:wake"), ("cpu", "monarq:{q}:wake:cpu")])
def test_each_lane_is_woken_by_a_list_of_its_own(lane: str, key: str) -> None:
    assert QueueKeys.of("q").wake(lane) == key


def test_a_mark_never_changes_the_ms_of_a_time() -> None:
    marks = (names.EXPIRES_MARK, names.LEASED_MARK, names.ASKED_MARK)
    for ms in (0, 1_700_000_000_000, 253_402_300_799_999):
        assert [(int(ms + mark), ms + mark - ms) for mark in marks] == [(ms, mark) for mark in marks]
    assert int(names.PARKED_SCORE + names.LEASED_MARK) == names.PARKED_SCORE
    assert names.EXPIRES_MARK != names.LEASED_MARK


async def lua_values(redis: Redis, queue: QueueKeys) -> dict[str, str]:
    """Each local of the scripts' beginning as Redis has it."""
    head = lua_keys()
    found = re.findall(r"^local (\w+) =", head, re.MULTILINE)
    pairs = ", ".join(f"'{name}', tostring({name})" for name in ["QUEUE", "BASE", *found])
    reply = await redis.eval(f"{head}return {{{pairs}}}", 3, *queue.script_keys)  # type: ignore[misc]
    texts = [value.decode() for value in reply]
    return dict(zip(texts[::2], texts[1::2], strict=True))


async def test_scripts_have_the_same_keys(redis: Redis) -> None:
    queue = QueueKeys.of("emails")
    lua = await lua_values(redis, queue)
    assert (lua["QUEUE"], lua["BASE"]) == ("emails", queue.base)
    assert {lua[name] for name in ("JOB", "RUN", "RETRY", "RESULT")} == {
        *(names.JOB_PREFIX, names.IN_PROGRESS_PREFIX, names.RETRY_PREFIX, names.RESULT_PREFIX)
    }
    assert (lua["ABORT"], lua["QUEUES"], lua["DEFAULT_QUEUE"]) == (names.ABORT, names.QUEUES, names.DEFAULT_QUEUE)
    assert set(own_keys(queue, "")) <= set(lua.values())
    for mark in ("LEASED_MARK", "ASKED_MARK", "EXPIRES_MARK"):
        assert float(lua[mark]) == getattr(names, mark)
    assert float(lua["PARKED"]) == names.PARKED_SCORE


@pytest.mark.parametrize(
    ("script", "used"),
    [
        ("", []),
        ("redis.call('ZADD', CPU, PARKED + LEASED_MARK)", ["CPU", "PARKED", "LEASED_MARK"]),
        ("WAKE_CPU", ["WAKE_CPU"]),
        ("cpu .. CPUS", []),
        ("QUEUE .. BASE", []),
    ],
)
def test_a_script_is_given_only_the_names_that_it_mentions(script: str, used: list[str]) -> None:
    first, *lines = lua_keys(script).splitlines()
    assert first == "local QUEUE, BASE = KEYS[1], KEYS[2]"
    assert sorted(line.split()[1] for line in lines) == sorted(used)
    assert set(lines) <= set(lua_keys().splitlines())
