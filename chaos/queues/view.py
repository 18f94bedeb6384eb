"""The driver's direct access to a scenario's queue in Redis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, Protocol

from redis.asyncio import Redis

from monarq.shared.errors import PayloadError
from monarq.shared.payloads.codec import Codecs
from monarq.shared.payloads.result import Result
from monarq.shared.protocol.queue_ref import QueueRef

BATCH: Final = 500
_CODECS: Final = Codecs(allow_pickle=True)


class QueueView(Protocol):
    """A queue of one format."""

    @property
    def ref(self) -> QueueRef:
        """The queue."""
        ...

    @property
    def refs(self) -> tuple[QueueRef, ...]:
        """All queues that the workers serve, including `ref`."""
        ...

    @property
    def cut_shares(self) -> Mapping[str, float]:
        """The scripts whose calls are cut, and the probability for each call."""
        ...

    @property
    def rare_scripts(self) -> frozenset[str]:
        """Those of them that may be called less often than there are cuts to make."""
        ...

    def sha_of(self, script: str) -> str:
        """The text that identifies calls of a script in the traffic."""
        ...

    async def read_results(self, redis: Redis, job_ids: Iterable[str]) -> dict[str, str | None]:
        """The value of each job's result; "failed: ..." if the job failed, None without a result."""
        ...

    async def forget_results(self, redis: Redis, job_ids: Sequence[str]) -> None:
        """Deletes results, so that the ids can be reused."""
        ...

    async def read_dead_letter(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """A job's dead letter; None if there is none."""
        ...

    async def waiting(self, redis: Redis) -> int:
        """How many jobs have not ended."""
        ...

    async def read_due_ms(self, redis: Redis) -> list[float]:
        """When each deferred job is due."""
        ...

    async def remove_jobs(self, redis: Redis, prefix: str) -> None:
        """Removes waiting jobs whose ids have this prefix."""
        ...

    async def write_job(self, redis: Redis, raw_id: bytes, payload: bytes, score: float | None = None) -> None:
        """Writes a job straight into Redis; by default it is due like other jobs."""
        ...

    async def write_strange(self, redis: Redis, raw_id: bytes, payload: bytes, number: int) -> str:
        """Writes a job with a wrong value in another key, each call in the next way; returns a description."""
        ...

    async def read_leaks(self, redis: Redis, *, beside_arq: bool = False) -> list[str]:
        """Keys that should not exist after every job has ended and all workers have left, with what is wrong.

        Args:
            redis: a client.
            beside_arq: arq's workers have ended jobs, too. They do not know crash notes, and leave them behind.
        """
        ...


def read_result(data: bytes | None) -> str | None:
    """A result as `QueueView.read_results` returns it."""
    if data is None:
        return None
    try:
        result = Result.read(data, _CODECS)
    except PayloadError as error:
        return f"unreadable: {error}"
    return str(result.value) if result.success else f"failed: {result.value!r}"
