"""The peers that are measured, and what pip or npm installs for each. benchmarks/peers has how each is used."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Peer:
    """One that takes part.

    Attributes:
        name: its name, and that of its file in `benchmarks/peers`.
        packages: what is installed into its environment; the first is the one whose version is shown.
        needs: a command without which it is left out.
        python: the lowest Python that it runs on.
        concurrency: jobs at once in each worker process, where it can.
        note: what a reader of the table has to know.
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
