"""The peers that are measured, and their pip or npm packages. How each is used is in benchmarks/peers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Peer:
    """A queue that is measured.

    Attributes:
        name: its name, also of its file in `benchmarks/peers`.
        packages: the packages to install into its environment; the version of the first one is shown.
        needs: a command that it needs; without it, the peer is left out.
        python: the oldest Python on which it runs.
        concurrency: how many jobs each worker process runs at once, if it can.
        note: a note for readers of the table.
        server: "redis" or "postgres".
    """

    name: str
    packages: tuple[str, ...] = ()
    needs: str = ""
    python: tuple[int, int] = (3, 11)
    concurrency: int = 100
    note: str = ""
    server: str = "redis"


ROSTER: Final = (
    Peer("monarq"),
    Peer("monarq_arq", note="monarq on a queue in arq's format"),
    Peer("bullmq", ("bullmq@6.7.0", "ioredis@6.0.0"), needs="node"),
    Peer(
        "pgqueuer",
        ("pgqueuer==1.6.0", "asyncpg", "uvloop"),
        needs="postgres",
        server="postgres",
        note="PostgreSQL; no results kept",
    ),
    Peer("ardiq", ("ardiq==1.2.0", "uvloop"), python=(3, 12), note="its workers run on uvloop"),
    Peer("huey", ("huey==3.5.4", "redis", "hiredis"), note="one job at a time per process"),
    Peer("dramatiq", ("dramatiq[redis]==2.2.1", "hiredis"), note="8 threads per process"),
    Peer("saq", ("saq[redis,hiredis]==0.26.4", "typing_extensions", "uvloop")),
    Peer("taskiq", ("taskiq==0.13.0", "taskiq-redis==1.2.4", "uvloop", "hiredis", "orjson")),
    Peer("docket", ("pydocket==0.27.0", "uvloop", "hiredis")),
    Peer("streaq", ("streaq==7.2.0", "uvloop", "hiredis")),
    Peer("arq", ("arq==0.28.0", "hiredis", "uvloop")),
    Peer("celery", ("celery[redis]==5.7.0", "hiredis"), note="prefork, one job at a time per process"),
    Peer("rq", ("rq==3.0.0", "hiredis"), note="SimpleWorker, one job at a time per process"),
)
