"""All that a queue holds of jobs, for tests that compare whole states."""

from __future__ import annotations

import re
from typing import Final

from redis.asyncio import Redis

from tests.shared.formats.native.pieces import KEYS

FOR_PEOPLE: Final = {
    *("live", "stats", "names", "known", "heard", "recent", "trails", "crons"),
    *(f"{letter}{at}" for letter, size in (("m", 25), ("s", 11)) for at in range(size)),
}
"""Where what informs people is kept; what happens to jobs does not depend on it."""

WAKING: Final = {"idle", "idle:cpu"}

PREFIX: Final = KEYS.key("meta").removesuffix("meta")


def name_of(key: str) -> str:
    """A key's name in the queue; the keys of a ring have one, as which of them is used depends on the minute."""
    return re.sub(r"^([rt])\d$", r"\1", key.removeprefix(PREFIX))


async def members_of(redis: Redis) -> dict[str, set[bytes]]:
    """Key -> its fields or members, without times, of all that jobs depend on; a ring counts as one key."""
    found: dict[str, set[bytes]] = {}
    async for key in redis.scan_iter(PREFIX + "*"):
        name = name_of(key.decode())
        kind = await redis.type(key)
        if kind == b"hash":
            found.setdefault(name, set()).update(await redis.hkeys(key))  # type: ignore[misc]
        elif kind == b"zset":
            found[name] = set(await redis.zrange(key, 0, -1))
    found["meta"] = {field for field in found.get("meta", set()) if field in (b"paused", b"v", b"last")}
    found["ends"] = {member for member in found.get("ends", set()) if member[:1] != b"t"}
    return {name: members for name, members in found.items() if members and name not in FOR_PEOPLE | WAKING}


async def places_of(redis: Redis) -> dict[bytes, list[str]]:
    """Where each job is that has a payload, or a place."""
    found = await members_of(redis)
    places = {name: found.get(name, set()) for name in ("queued", "queued:cpu", "deferred", "deferred:cpu")}
    places |= {name: members for name, members in found.items() if name.startswith("held:")}
    ids = {one for members in (*places.values(), found.get("payloads", set())) for one in members if one[:1] != b"\0"}
    return {job_id: [name for name, members in places.items() if job_id in members] for job_id in ids}
