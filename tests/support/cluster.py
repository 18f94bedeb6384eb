"""Redis Clusters for tests: three or more primaries that run the test server's program."""

from __future__ import annotations

import asyncio
import tempfile
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from chaos.processes.cluster import Cluster
from monarq.shared.redis.cluster.slots import key_slot_of
from tests.support.slowness import patience_s


@asynccontextmanager
async def running_cluster(*, replicas: int = 0, full_coverage: bool = True) -> AsyncIterator[Cluster]:
    """A cluster for the duration of the block, which may kill its nodes."""
    with tempfile.TemporaryDirectory(prefix="monarq-cluster-") as directory:
        cluster = Cluster(Path(directory), replicas=replicas, full_coverage=full_coverage)
        try:
            await cluster.start()
            yield cluster
        finally:
            await cluster.stop()


@contextmanager
def shared_cluster() -> Iterator[Cluster]:
    """A cluster for tests that each have their own event loop; its processes belong to a loop in a thread."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    with tempfile.TemporaryDirectory(prefix="monarq-cluster-") as directory:
        cluster = Cluster(Path(directory), full_coverage=False)
        try:
            asyncio.run_coroutine_threadsafe(cluster.start(), loop).result(patience_s(50))
            yield cluster
        finally:
            asyncio.run_coroutine_threadsafe(cluster.stop(), loop).result(patience_s(20))
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()


async def empty(cluster: Cluster) -> None:
    """Deletes every key."""
    await asyncio.gather(*(node.ask("FLUSHALL") for node in cluster.nodes))


async def queue_on_each_node(cluster: Cluster) -> list[str]:
    """The name of one queue on each primary."""
    names: dict[int, str] = {}
    number = 0
    while len(names) < len(cluster.nodes):
        name = f"q{number}"
        names.setdefault((await cluster.holder(f"{{{name}}}")).port, name)
        number += 1
    return list(names.values())


def slot_of(queue: str) -> int:
    """The slot of a native queue."""
    return key_slot_of(f"monarq:n:{{{queue}}}:")
