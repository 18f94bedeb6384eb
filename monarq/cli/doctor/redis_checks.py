"""Checks a Redis: does it answer, can it lose jobs, does it have room, and may its user do what monarq needs?"""

from __future__ import annotations

import secrets
import statistics
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final

from redis.asyncio import Redis

from monarq.cli.doctor.finding import Finding, judge
from monarq.monitor.text.formatting import duration, size
from monarq.shared.clock import wall_ms
from monarq.shared.errors import MonarqError
from monarq.shared.redis.clock import read_now_ms
from monarq.shared.redis.redis_errors import REDIS_ERRORS, explain
from monarq.shared.redis.servers import servers_of
from monarq.workers.events.dispatcher import Dispatcher
from monarq.workers.process.preflight import check_pubsub, check_server, eviction_danger, persistence_danger

SECTION: Final = "redis"
SLOW_MS: Final = 5.0
"""A longer round trip slows down clients that enqueue jobs one by one; workers claim in batches."""
MOST_SKEW_MS: Final = 1000
FULL: Final = 0.8
PINGS: Final = 20

_PROBE_SCRIPT: Final = """
redis.call('SET', KEYS[1], ARGV[1], 'PX', 10000)
redis.call('HSET', KEYS[2], 'probe', ARGV[1])
redis.call('PEXPIRE', KEYS[2], 10000)
redis.call('ZADD', KEYS[3], 1, 'probe')
redis.call('PEXPIRE', KEYS[3], 10000)
redis.call('TIME')
redis.call('PUBLISH', ARGV[2], 'probe')
return redis.call('DEL', KEYS[1], KEYS[2], KEYS[3])
"""
"""Does what monarq's scripts do, on keys that nothing else uses and that would expire by themselves."""


async def check_redis(redis: Redis, shown: str) -> list[Finding]:
    """The findings about this Redis.

    Args:
        redis: a client.
        shown: the server's URL without secrets.
    """
    try:
        await redis.ping()
        await check_server(redis, shown, Dispatcher(), warns=False)
        await check_pubsub(redis, shown)
    except MonarqError as error:
        return [Finding(SECTION, "server", shown, "problem", str(error))]
    except REDIS_ERRORS as error:
        return [Finding(SECTION, "server", shown, "problem", str(explain(error, shown)))]
    found = []
    for name, server in servers_of(redis):
        found += await _check_info(server, name or shown)
    for subject, check in (("round trip", _round_trip), ("clocks", _clocks), ("rights", _rights)):
        try:
            found.append(await check(redis, subject))
        except REDIS_ERRORS as error:
            found.append(Finding(SECTION, subject, f"refused: {error}", "problem", str(explain(error, shown))))
    return found


async def _check_info(server: Redis, name: str) -> list[Finding]:
    try:
        info = await server.info()
    except REDIS_ERRORS as error:
        return [
            Finding(
                *(SECTION, "server", f"{name}, which refuses INFO ({error})", "warning"),
                "version, persistence and memory are unknown: let its user call INFO, or check them yourself",
            )
        ]
    return [_version(info, name), *_persistence(info), *_writable(info), _memory(info), *_clients(info)]


def _version(info: Mapping[str, Any], name: str) -> Finding:
    kind = "Valkey" if "valkey_version" in info else "Redis"
    version = info.get("valkey_version", info.get("redis_version", "of unknown version"))
    mode = {"cluster": ", a node of a cluster"}.get(str(info.get("redis_mode")), "")
    return Finding(SECTION, "server", f"{kind} {version} at {name}{mode}")


def _persistence(info: Mapping[str, Any]) -> Iterator[Finding]:
    policy = str(info.get("maxmemory_policy", "unknown"))
    is_on = info.get("aof_enabled") == 1
    failed = [name for name in ("aof_last_write_status", "rdb_last_bgsave_status") if info.get(name, "ok") != "ok"]
    of_policy, of_aof = eviction_danger(info), persistence_danger(info)
    yield judge(SECTION, "eviction policy", policy, warns=bool(of_policy), advice=of_policy)
    shown = f"appendonly {'yes' if is_on else 'no'}"
    yield judge(SECTION, "persistence", shown, warns=bool(of_aof), advice=of_aof)
    if failed:
        yield Finding(
            *(SECTION, "last save", f"{' and '.join(failed)}: failed", "problem"),
            "Redis cannot write to its disk and may refuse all writes: check its log and its free disk space",
        )


def _writable(info: Mapping[str, Any]) -> Iterator[Finding]:
    if info.get("role") == "slave":
        yield Finding(
            *(SECTION, "role", "a replica, which accepts no writes", "problem"),
            "point the URL at the primary, or at the sentinels: redis+sentinel://host:port/SERVICE",
        )


def _memory(info: Mapping[str, Any]) -> Finding:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    room = most or int(info.get("total_system_memory", 0))
    shown = f"{size(used)} used of {size(room)}" + ("" if most else ", the memory of its machine (no maxmemory)")
    return judge(
        *(SECTION, "memory", shown),
        warns=room > 0 and used > FULL * room,
        advice="let workers empty the queues, keep results for a shorter time, or give Redis more memory",
    )


def _clients(info: Mapping[str, Any]) -> Iterator[Finding]:
    now, most = int(info.get("connected_clients", 0)), int(info.get("maxclients", 0))
    if most:
        yield judge(
            *(SECTION, "connections", f"{now:,} of {most:,}"),
            warns=now > FULL * most,
            advice="raise maxclients, or close unused clients",
        )


async def _round_trip(redis: Redis, subject: str) -> Finding:
    taken = []
    for _ in range(PINGS):
        began = time.perf_counter()
        await redis.ping()
        taken.append((time.perf_counter() - began) * 1000)
    median = statistics.median(taken)
    return judge(
        *(SECTION, subject, f"{median:.2f} ms, at most {max(taken):.2f} ms"),
        warns=median > SLOW_MS,
        advice="run workers near Redis, and enqueue with enqueue_many, which sends a thousand jobs at once",
    )


async def _clocks(redis: Redis, subject: str) -> Finding:
    skew_ms = await read_now_ms(redis) - wall_ms()
    is_off = abs(skew_ms) > MOST_SKEW_MS
    found = f"Redis is {duration(abs(skew_ms) / 1000)} {'ahead' if skew_ms > 0 else 'behind'}" if is_off else "agree"
    return judge(
        *(SECTION, subject, found),
        warns=is_off,
        advice="Redis' clock decides when jobs are due, while logs show this machine's: synchronize both by NTP",
    )


async def _rights(redis: Redis, subject: str) -> Finding:
    """Tries what monarq does, on keys of its own that are deleted at once."""
    tag = f"{{doctor-{secrets.token_hex(4)}}}"
    keys = [f"monarq:{tag}:{name}" for name in ("text", "hash", "zset")]
    await redis.execute_command("EVAL", _PROBE_SCRIPT, len(keys), *keys, "1", "monarq:n:doctor")  # type: ignore[no-untyped-call]
    return Finding(SECTION, subject, "monarq's scripts, keys and channels are allowed")
