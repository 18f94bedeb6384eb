"""The scenarios, by name."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from chaos.environment import Environment
from chaos.outcome import Outcome
from chaos.scenarios.jobs import blocked, inputs, stubborn
from chaos.scenarios.load import long, storms
from chaos.scenarios.processes import clocks, freezes, kills, memory, mixed, orphans, stops
from chaos.scenarios.redis import clusters, cuts, failovers, outages, pauses, silences
from monarq.shared.protocol.queue_ref import FORMATS, Format

NATIVE: Final[tuple[Format, ...]] = ("native",)


@dataclass(frozen=True, slots=True)
class Scenario:
    """One scenario.

    Attributes:
        name: such as T1.
        title: what happens, in a few words.
        play: runs it.
        controls: whether stock arq can run it as a control.
        formats: the queue formats that it applies to.
    """

    name: str
    title: str
    play: Callable[[Environment], Awaitable[Outcome]]
    controls: bool = True
    formats: tuple[Format, ...] = FORMATS


SCENARIOS = {
    scenario.name: scenario
    for scenario in (
        Scenario("T1", "a worker killed each second", kills.kill_workers),
        Scenario("T2", "T1, and Redis killed every 10 s", kills.kill_workers_and_redis),
        Scenario("T4", "Redis away for 15 s (long: 60 s)", outages.redis_down),
        Scenario("T5", "reply cut at each script", cuts.cut_replies),
        Scenario("T6", "request cut at each script", cuts.cut_requests),
        Scenario("T7", "black hole of 20 s for one of two workers", outages.black_hole),
        Scenario("T8", "worker frozen past its leases, same ids enqueued again", freezes.freeze),
        Scenario("T9", "jobs that block the loop or the interpreter", blocked.block, controls=False),
        Scenario("T10", "rolling restarts under load", stops.restart_rolling),
        Scenario("T12", "malformed payloads among good ones", inputs.malformed),
        Scenario("T13", "jobs that kill their workers", inputs.poison, controls=False),
        Scenario("T15", "Redis full", outages.redis_full),
        Scenario("T17", "Redis read-only for 10 s", outages.redis_read_only),
        Scenario("T19", "scripts flushed, connections killed, Redis asleep", outages.redis_forgets),
        Scenario("T31", "half arq, half monarq, one killed each second", mixed.mix, controls=False, formats=("arq",)),
        Scenario("T32", "wake-ups lost on silent connections", silences.mute, False, NATIVE),
        Scenario("T33", "the fleet's keys deleted, a worker killed each second", silences.forget_fleet, False, NATIVE),
        Scenario("T34", "one of two workers frozen past its leases", freezes.freeze_beside, controls=False),
        Scenario("T35", "Redis frozen for longer than a lease", pauses.freeze_redis, False, NATIVE),
        Scenario("T36", "Redis crashed, its last second lost", pauses.lose_last_second, False, NATIVE),
        Scenario("T37", "the only worker frozen past its leases", pauses.freeze_alone, False, NATIVE),
        Scenario("T38", "slots of shards of a cluster moved while jobs run", clusters.move_slots, False, NATIVE),
        Scenario("T39", "primaries of shards killed, their replicas promoted", clusters.fail_over, False, NATIVE),
        Scenario("T3", "T2 with appendfsync always", long.fsync_always),
        Scenario("T14", "workers killed for using too much memory", memory.overfill, controls=False),
        Scenario("T16", "Redis' disk full", outages.disk_full),
        Scenario("T17s", "sentinel failovers", failovers.fail_over, controls=False),
        Scenario("T17m", "sentinel failovers, min-replicas-to-write 1", failovers.fail_over_guarded, controls=False),
        Scenario("T18", "wall clocks that are wrong and jump", clocks.shift, controls=False),
        Scenario("T24", "10,000 jobs held by others at the head of the queue", long.head_of_line, formats=("arq",)),
        Scenario("T25", "thousands of jobs fail at once", storms.retry_storm, controls=False),
        Scenario("T26", "thousands of jobs due at the same moment", storms.herd),
        Scenario("T28", "as PID 1, with jobs that leave processes behind", orphans.contain, controls=False),
        Scenario("T29", "jobs that ignore their cancellation", stubborn.cancel, controls=False),
        Scenario("T30", "a soak", long.soak),
    )
}

_SHORT: Final = ("T1", "T2", "T4", "T5", "T6", "T7", "T8", "T9", "T10", "T12", "T13", "T15", "T17", "T19")
SELECTIONS: Final[Mapping[str, Mapping[Format, Sequence[str]]]] = {
    "ci": {
        "native": ("T1", "T2", "T6", "T8", "T12", "T17s", "T36", "T38", "T39"),
        "arq": ("T1", "T6", "T8", "T13", "T17s", "T31"),
    },
    "short": {"native": (*_SHORT, "T32", "T33", "T34", "T35", "T36", "T37", "T38", "T39"), "arq": (*_SHORT, "T31")},
    "long": {"native": tuple(SCENARIOS), "arq": tuple(SCENARIOS)},
}
"""The scenarios that run by default, by size and format."""
