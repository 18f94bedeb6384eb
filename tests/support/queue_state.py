"""A queue's whole state in Redis as one value: seeded before a call, read after it, and compared.

Times are whole seconds from the moment of the seed, so a row has -5, 0 or 15; `leased(15)` is a score with the mark
of a lease, and `Exactly(1)` a score that is not a time. Text stands for bytes, even in ids that are not UTF-8 (such as
"\\udcff" for 0xff). A key that does not belong to monarq is an error.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Final

from redis.asyncio import Redis

from monarq.shared.formats.arq.counters.counters import read_counters
from monarq.shared.formats.arq.keys import LEASED_MARK, PARKED_SCORE
from tests.support.key_families import FAMILIES, KEYS, NOTES, Family, family_of

SEED_TTL_S: Final = 100
"""The TTL of seeded keys, except the queue's two sets and in-progress keys."""

UNCOUNTED: Final = frozenset({"lost", "handed_back"})
"""Counters that nearly every call on someone else's job increments; test_counters.py tests them."""

_SLACK_MS: Final = 50
"""How much the clock of a Redis substitute may differ between calls."""

_NO_TIME: Final = 10**9
"""Scores closer to 0 than this are not times in ms."""


@dataclass(frozen=True, slots=True)
class Exactly:
    """A score that is not a time, such as 0, arq's 1, or infinity."""

    score: float


Time = float | Exactly
PARKED: Final = Exactly(PARKED_SCORE)

Times = Mapping[str, Time]
Texts = Mapping[str, str]
Hashes = Mapping[str, Texts]


def leased(until: int) -> float:
    """The score of a job whose lease expires at this second."""
    return until + LEASED_MARK


@dataclass(frozen=True, slots=True)
class QueueState:
    """All data of a queue in Redis.

    Attributes:
        queue, cpu, aborts, dead: the zsets, by job id.
        payloads, tokens, tries, results, crashes: the strings, by job id; tokens are those of arq:in-progress.
        given_up: tokens of claims and ids of workers that may not claim any more.
        no_results, ticks: ids with such a key.
        letters: the dead letters' hashes, by job id.
        progress: the progress reports of jobs, by job id; the time in front is in seconds like all times.
        leases, workers, records: data of workers, by worker id.
        queues: the list of all queues, by name.
        stats: the counters, except those in `UNCOUNTED`.
        ended: how many jobs have ended.
        notes: lanes whose wake-up list has its one note.
        paused: since when the queue is paused.
        histories: the histories of jobs, by job id, without times; rows do not compare them.
        wrong: keys of a wrong type, with that type.
    """

    queue: Times = field(default_factory=dict)
    cpu: Times = field(default_factory=dict)
    payloads: Texts = field(default_factory=dict)
    tokens: Texts = field(default_factory=dict)
    tries: Texts = field(default_factory=dict)
    results: Texts = field(default_factory=dict)
    no_results: frozenset[str] = frozenset()
    ticks: frozenset[str] = frozenset()
    given_up: frozenset[str] = frozenset()
    aborts: Times = field(default_factory=dict)
    crashes: Texts = field(default_factory=dict)
    letters: Hashes = field(default_factory=dict)
    progress: Texts = field(default_factory=dict)
    dead: Times = field(default_factory=dict)
    leases: Hashes = field(default_factory=dict)
    workers: Times = field(default_factory=dict)
    records: Texts = field(default_factory=dict)
    queues: Times = field(default_factory=dict)
    stats: Texts = field(default_factory=dict)
    ended: int = 0
    notes: frozenset[str] = frozenset()
    paused: Time | None = None
    histories: Mapping[str, tuple[str, ...]] = field(default_factory=dict, compare=False)
    wrong: Texts = field(default_factory=dict)

    def difference(self, other: QueueState) -> str:
        """The differences, one per line, for the message of a failed test."""
        pairs = [(each.name, getattr(self, each.name), getattr(other, each.name)) for each in fields(self)]
        return "\n".join(f"{name}: {mine!r} is not {theirs!r}" for name, mine, theirs in pairs if mine != theirs)


def to_bytes(value: str) -> bytes:
    """Text of a row, as stored in Redis."""
    return value.encode("utf-8", "surrogateescape")


def to_text(value: bytes) -> str:
    """A value from Redis, as written in a row."""
    return value.decode("utf-8", "surrogateescape")


def to_ms(now_ms: int, time: Time) -> float:
    """A row's time as a score."""
    if isinstance(time, Exactly):
        return time.score
    seconds = int(time // 1)
    return now_ms + seconds * 1000 + time - seconds


def from_ms(now_ms: int, score: float) -> Time:
    """A score, as written in a row."""
    if abs(score) < _NO_TIME or abs(score) >= PARKED_SCORE:
        return Exactly(score)
    whole = int(score // 1)
    # Round down: scripts write times some ms after the moment of the seed, or many on a busy machine.
    return (whole - now_ms + _SLACK_MS) // 1000 + (score - whole)


def told_at(now_ms: int, told: str, direction: int) -> str:
    """A report with its time as stored in Redis (1), or as written in a row (-1)."""
    time, _, report = told.partition(" ")
    at = (now_ms + int(time) * 1000) * 1000 if direction > 0 else round((int(time) / 1000 - now_ms) / 1000)
    return f"{at} {report}"


async def server_ms(redis: Redis) -> int:
    """Redis' time."""
    seconds, microseconds = await redis.time()
    return int(seconds) * 1000 + int(microseconds) // 1000


async def seed(redis: Redis, state: QueueState, *, lease_s: int = 15) -> int:
    """Writes a state into an empty Redis.

    Args:
        redis: the client.
        state: what to write.
        lease_s: seconds after which the in-progress keys expire.

    Returns:
        The moment from which the state's times count, in Redis' ms.
    """
    now_ms = await server_ms(redis)
    pipe: Any = redis.pipeline(transaction=True)
    for family in FAMILIES:
        values = getattr(state, family.attribute, None)
        if not values or family.attribute == "histories":
            continue
        if family.kind == "zset":
            pipe.zadd(family.key, {to_bytes(name): to_ms(now_ms, time) for name, time in values.items()})
        elif family.attribute == "stats":
            pipe.hset(family.key, mapping=values)
        elif family.attribute == "notes":
            _seed_note(pipe, family.key, values)
        elif family.attribute == "paused":
            pipe.set(family.key, round(to_ms(now_ms, values)))
        else:
            _seed_family(pipe, family, values, lease_s, now_ms)
        if family.attribute not in ("queue", "cpu"):
            pipe.expire(family.key, SEED_TTL_S)
    for key, kind in state.wrong.items():
        pipe.rpush(key, "wrong") if kind == "list" else pipe.set(key, "wrong")
        pipe.expire(key, SEED_TTL_S)
    await pipe.execute()
    return now_ms


def _seed_note(pipe: Any, key: str, lanes: frozenset[str]) -> None:
    if NOTES[key] in lanes:
        pipe.rpush(key, 1)


def _seed_family(pipe: Any, family: Family, values: Any, lease_s: int, now_ms: int) -> None:
    if isinstance(values, frozenset):
        values = dict.fromkeys(values, "1")
    for name, value in values.items():
        key = to_bytes(family.key + name)
        if family.kind == "hash":
            pipe.hset(key, mapping={to_bytes(one): to_bytes(other) for one, other in value.items()})
            if "died_ms" in value:
                pipe.hset(key, "died_ms", now_ms + int(value["died_ms"]) * 1000)
        else:
            pipe.set(key, to_bytes(told_at(now_ms, value, 1) if family.attribute == "progress" else value))
        pipe.expire(key, lease_s if family.attribute == "tokens" else SEED_TTL_S)


async def read_state(redis: Redis, now_ms: int) -> QueueState:
    """The state in Redis, with times relative to `now_ms`; there must be no keys with other names."""
    found: dict[str, Any] = {}
    wrong: dict[str, str] = {}
    for raw_key, (kind, value) in (await _read_all(redis)).items():
        key = to_text(raw_key)
        family, name = family_of(key)
        if not family.attribute:
            continue
        if kind != family.kind:
            wrong[key] = kind
        elif family.attribute == "paused":
            found["paused"] = from_ms(now_ms, int(value))
        elif family.attribute == "histories":
            found.setdefault("histories", {})[name] = tuple(to_text(entry).partition(" ")[2] for entry in value)
        elif family.kind == "zset" or family.attribute == "stats":
            found[family.attribute] = _shown(key, kind, value, now_ms)
        elif family.attribute == "notes":
            assert len(value) == 1, f"{key} holds more than one note"
            found.setdefault("notes", set()).add(NOTES[key])
        else:
            found.setdefault(family.attribute, {})[name] = _shown(key, kind, value, now_ms)
    if "progress" in found:
        found["progress"] = {name: told_at(now_ms, told, -1) for name, told in found["progress"].items()}
    for attribute in ("no_results", "ticks", "given_up", "notes"):
        found[attribute] = frozenset(found.get(attribute, ()))
    found["ended"] = sum(map(_ended_in, found.get("ended", {}).items()))
    return QueueState(**found, wrong=wrong)


def _ended_in(second: tuple[str, Mapping[str, str]]) -> int:
    name, fields = second
    return 0 if ":" in name else sum(int(fields.get(state, 0)) for state in ("succeeded", "failed", "cancelled"))


async def _read_all(redis: Redis) -> dict[bytes, tuple[str, Any]]:
    """All keys with type and value, in three calls regardless of their number."""
    await read_counters(redis, KEYS, 0)  # counts are collected for a second before they are added
    keys = [key async for key in redis.scan_iter(count=1000)]
    kinds = [kind.decode() for kind in await _for_each(redis, [("TYPE", key) for key in keys])]
    values = await _for_each(redis, [_READS[kind](key) for key, kind in zip(keys, kinds, strict=True)])
    return dict(zip(keys, zip(kinds, values, strict=True), strict=True))


_READS: Final[Mapping[str, Callable[[bytes], tuple[Any, ...]]]] = {
    "string": lambda key: ("GET", key),
    "list": lambda key: ("LRANGE", key, 0, -1),
    "hash": lambda key: ("HGETALL", key),
    "zset": lambda key: ("ZRANGE", key, 0, -1, "WITHSCORES"),
}
"""The commands that read keys, by type."""


async def _for_each(redis: Redis, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
    pipe: Any = redis.pipeline(transaction=False)
    for command in commands:
        pipe.execute_command(*command)
    return list(await pipe.execute())


def _shown(key: str, kind: str, value: Any, now_ms: int) -> object:
    if kind == "string":
        return to_text(value)
    if kind == "zset":
        members = zip(value[::2], value[1::2], strict=True)
        return {to_text(member): from_ms(now_ms, float(score)) for member, score in members}
    pairs = {to_text(one): to_text(other) for one, other in value.items()}
    if key.endswith(":stats"):
        return {name: count for name, count in pairs.items() if name not in UNCOUNTED}
    if "died_ms" in pairs:
        pairs["died_ms"] = str((int(pairs["died_ms"]) - now_ms + _SLACK_MS) // 1000)
    return pairs


async def read_ttls(redis: Redis) -> dict[str, int]:
    """The TTL of each key in seconds, except counters of minutes and seconds; -1 without expiry."""
    await read_counters(redis, KEYS, 0)
    keys = [key async for key in redis.scan_iter(count=1000)]
    left_ms = dict(zip(map(to_text, keys), await _for_each(redis, [("PTTL", key) for key in keys]), strict=True))
    return {
        key: -1 if left < 0 else -(-left // 1000)
        for key, left in left_ms.items()
        if family_of(key)[0].attribute not in ("", "ended")
    }
