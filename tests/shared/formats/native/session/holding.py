"""A worker as its queues see it: what it holds, and a client that loses requests and replies."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.formats.native.session.queue import NativeWorkerQueue
from monarq.shared.formats.native.session.session import NativeWorkerSession
from monarq.shared.lane import LaneQueue
from monarq.shared.payloads.codec import MSGPACK, Codecs
from monarq.shared.payloads.payload import Payload, write_payload
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.workers.leases.table import LeaseTable
from tests.shared.formats.native.calls import blocking_client
from tests.support.queues import terms_of

WORKER: Final = "host:1:ab"
LEASE_S: Final = 60.0
PAYLOAD: Final = Payload.read(write_payload(MSGPACK, "f", (), {}, 1), Codecs(allow_pickle=False))


class LosingClient:
    """Passes the calls of scripts on, loses those that a test wants lost, and counts all of them by script."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self.calls: list[str] = []
        self.late: list[Sequence[Any]] = []
        self._lost: dict[str, list[str]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._redis, name)

    def lose(self, path: str, *what: str) -> None:
        """Loses the "reply" or the "request" of the next calls of a script, one after the other."""
        left = list(what)
        self._lost |= dict.fromkeys(_texts(path), left)

    async def execute_command(self, *parts: Any) -> Any:
        """Carries out a call, or loses it."""
        self.calls.append(parts[0])
        lost = self._lost.get(parts[1], [])
        what = lost.pop(0) if lost else ""
        if what == "request":
            self.late.append(("EVAL", _sources()[parts[1]], *parts[2:]))
            raise RedisConnectionError("lost")
        if what:
            await self._redis.execute_command("EVAL", _sources()[parts[1]], *parts[2:])
            raise RedisConnectionError("lost")
        return await self._redis.execute_command(*parts)

    async def deliver_late(self) -> None:
        """Now the lost requests arrive."""
        for parts in self.late:
            await self._redis.execute_command(*parts)
        self.late.clear()


def _sources() -> dict[str, str]:
    paths = ("jobs/claim", "jobs/finish", "jobs/requeue", "workers/retire")
    return {name: text for path in paths for name, text in _texts(path).items()}


def _texts(path: str) -> dict[str, str]:
    """What a script, or what of it runs in most calls, is called by and says."""
    script = NativeScript.load(path)
    scripts = [script, script.short] if script.short else [script]
    return {name: each.source for each in scripts for name in (each.sha, each.source)}


class Holder:
    """A worker of some queues: it puts what it claims into its table, and takes out what it loses."""

    def __init__(
        self, redis: Redis, *names: str, worker_id: str = WORKER, lease_s: float = LEASE_S, **terms: Any
    ) -> None:
        self.redis = redis
        self.client: Any = LosingClient(redis)
        refs = [QueueRef(name, "native") for name in names or ("q",)]
        self.table = LeaseTable(refs)
        self.lost: list[Lease] = []
        known = terms_of(worker_id, **{"lease_s": lease_s, "max_payload": 1_000_000, **terms})
        self.session = NativeWorkerSession([ref.name for ref in refs], known, self.table.of_queue, self.lose)
        self.queue: NativeWorkerQueue = self.session.queues[0]

    def lose(self, leases: Sequence[Lease]) -> None:
        """Notes which leases are lost."""
        for lease in leases:
            if self.table.holds(lease):
                self.table.remove(lease)
                self.lost.append(lease)

    async def claim(self, limit: int = 100, lane_queue: LaneQueue = "io") -> list[Lease]:
        """Claims jobs and holds them."""
        claimed = await self.queue.claim(self.client, lane_queue, limit)
        for lease in claimed.leases:
            self.table.add(lease)
        return claimed.leases

    def beat(self) -> None:
        """A beat of the queue, as the lease thread sends it."""
        with blocking_client(self.redis) as client:
            self.queue.beat(client, self.session._loop)

    def renew(self, record: bytes = b"{}") -> None:
        """A renewal of all."""
        with blocking_client(self.redis) as client:
            self.session.renew(client, record, self.lose)

    @property
    def keys(self) -> NativeKeys:
        """Those of its queue."""
        return self.queue.keys

    @property
    def name(self) -> str:
        """What it is to its queue at present."""
        return self.queue.incarnation.name
