"""What the model of a queue holds, and the moves that its steps are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from monarq.shared.lane import LaneQueue
from tests.model.terms import LETTER_S, PARKED, Expiring, Taken


@dataclass(slots=True)
class QueueStore:
    """A queue's keys as dicts; times are in seconds."""

    now: int = 0
    queue: dict[str, float] = field(default_factory=dict)
    cpu: dict[str, float] = field(default_factory=dict)
    payloads: dict[str, Expiring] = field(default_factory=dict)
    tokens: dict[str, Expiring] = field(default_factory=dict)
    results: dict[str, Expiring] = field(default_factory=dict)
    no_results: dict[str, Expiring] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    crashes: dict[str, str] = field(default_factory=dict)
    aborts: dict[str, float] = field(default_factory=dict)
    letters: dict[str, tuple[dict[str, str], int]] = field(default_factory=dict)
    dead: dict[str, int] = field(default_factory=dict)
    held: dict[str, tuple[dict[str, str], int]] = field(default_factory=dict)
    given_up: dict[str, Expiring] = field(default_factory=dict)
    signs: dict[str, int] = field(default_factory=dict)
    stats: Counter[str] = field(default_factory=Counter)

    def _crashes(self, job_id: str) -> int:
        return int(self.crashes.get(job_id, "0").partition(" ")[0])

    def _source_of(self, job_id: str) -> dict[str, float]:
        return self.cpu if self._lane_of(job_id) == "cpu" else self.queue

    def _owner(self, job_id: str) -> str | None:
        token = self.tokens.get(job_id)
        return token.value if token else None

    def _owned(self, worker: str, leases: Iterable[Taken]) -> tuple[list[Taken], list[str]]:
        mine, lost = [], []
        for lease in leases:
            if self._owner(lease.id) == lease.token:
                mine.append(lease)
                continue
            lost.append(lease.id)
            if self.held.get(worker, ({}, 0))[0].get(lease.id) == lease.token:
                self._drop_held(worker, lease.id)
        return mine, lost

    def _drop_held(self, worker: str, job_id: str) -> None:
        held = self.held.get(worker, ({}, 0))[0]
        held.pop(job_id, None)
        if not held:
            self.held.pop(worker, None)

    def _lane_of(self, job_id: str) -> LaneQueue:
        return "cpu" if job_id in self.cpu else "io"

    def _place(self, job_id: str, lane_queue: LaneQueue, due: float) -> None:
        if lane_queue == "cpu":
            self.cpu[job_id] = due
        else:
            self.cpu.pop(job_id, None)
        self.queue[job_id] = PARKED if lane_queue == "cpu" else due

    def _free(self, job_id: str, lane_queue: LaneQueue, due: float) -> None:
        self._place(job_id, lane_queue, due)
        del self.tokens[job_id]

    def _forget(self, job_id: str) -> None:
        for known in (self.queue, self.cpu, self.aborts, self.tries, self.crashes):
            known.pop(job_id, None)

    def _note_crash(self, job_id: str, what: str) -> None:
        self.crashes[job_id] = f"{self._crashes(job_id) + 1} {what}"
        self.stats["crashed"] += 1

    def _bury(self, lease: Taken) -> None:
        job_id = lease.id
        payload = self.payloads.get(job_id)
        letter = {
            "name": "send",
            "letter": "why",
            "payload": payload.value if payload else "",
            "has_payload": "1" if payload else "0",
            "tries": str(self.tries.get(job_id, 0)),
            "result_end": f"result of {lease.token}",
        }
        self.letters[job_id] = (letter, self.now + LETTER_S)
        self.dead[job_id] = self.now
        self.dead = {name: died for name, died in self.dead.items() if name in self.letters}
        self.stats["dead"] += 1
