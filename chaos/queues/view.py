"""What the driver asks of a scenario's queue, and does to it, in Redis itself."""

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
        """All queues that the workers serve, that one among them."""
        ...

    @property
    def cut_shares(self) -> Mapping[str, float]:
        """The scripts whose calls are cut, and each call's chance of it."""
        ...

    @property
    def rare_scripts(self) -> frozenset[str]:
        """Those of them that need not be called as often as there are cuts to be made."""
        ...

    def sha_of(self, script: str) -> str:
        """By what a call of a script is known on its way."""
        ...

    async def read_results(self, redis: Redis, job_ids: Iterable[str]) -> dict[str, str | None]:
        """The value of each job's result; "failed: ..." where it failed, None where there is none."""
        ...

    async def forget_results(self, redis: Redis, job_ids: Sequence[str]) -> None:
        """Deletes results, so that the ids may be given to new jobs."""
        ...

    async def read_dead_letter(self, redis: Redis, raw_id: bytes) -> bytes | None:
        """A job's dead letter; None where there is none."""
        ...

    async def waiting(self, redis: Redis) -> int:
        """How many jobs have not ended."""
        ...

    async def read_due_ms(self, redis: Redis) -> list[float]:
        """When each deferred job is due."""
        ...

    async def remove_jobs(self, redis: Redis, prefix: str) -> None:
        """Takes the jobs out of the queue that wait and whose ids begin so."""
        ...

    async def write_job(self, redis: Redis, raw_id: bytes, payload: bytes, score: float | None = None) -> None:
        """Writes a job straight into Redis; by default it is due as others are."""
        ...

    async def write_strange(self, redis: Redis, raw_id: bytes, payload: bytes, number: int) -> str:
        """Writes a job whose other keys are what they must not be; says in which way, of as many as there are."""
        ...

    async def read_leaks(self, redis: Redis, *, beside_arq: bool = False) -> list[str]:
        """What should be gone when every job has ended and all workers have left, and what is wrong with each.

        Args:
            redis: the client.
            beside_arq: arq's workers have ended jobs too. They leave crash notes, of which they know nothing, behind.
        """
        ...


def read_result(data: bytes | None) -> str | None:
    """A result as `QueueView.read_results` gives it."""
    if data is None:
        return None
    try:
        result = Result.read(data, _CODECS)
    except PayloadError as error:
        return f"unreadable: {error}"
    return str(result.value) if result.success else f"failed: {result.value!r}"
