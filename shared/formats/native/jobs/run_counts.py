"""Run counts: the counters of the runs that a call ends, added up before it is sent. See include/counting.lua."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import Final

from monarq.shared.protocol.acks import Finish, Requeue
from monarq.shared.protocol.run_groups import BUCKETS, GOES_ON
from monarq.shared.redis.scripts import Argument

_LAST: Final = BUCKETS - 1


def count_runs(runs: Iterable[Finish | Requeue]) -> list[Argument]:
    """The fields and numbers of the counts, alternating.

    Most runs of a call are equal to the millisecond, so the field's name is built once for all of them.
    """
    alike = Counter(
        [(run.name, run.end, run.lease.due_ms, run.lease.claimed_ms, run.run_ms, run.lease.crashes) for run in runs]
    )
    counts: dict[str, int] = defaultdict(int)
    for (name, end, due_ms, claimed_ms, run_ms, crashes), number in alike.items():
        if run_ms < 0:
            counts[f"{end.value}::\0{name}"] += number
        else:
            wait_ms = claimed_ms - due_ms if 0 < due_ms < claimed_ms else 0
            wait, ran = min(wait_ms.bit_length(), _LAST), min(run_ms.bit_length(), _LAST)
            counts[f"{end.value}:{wait}:{ran}\0{name}"] += number
            counts[f"ws\0{name}"] += wait_ms * number
            counts[f"rs\0{name}"] += run_ms * number
        if crashes and end not in GOES_ON:
            counts[f"crashed\0{name}"] += crashes * number
    return list(chain.from_iterable((field, number) for field, number in counts.items() if number))
