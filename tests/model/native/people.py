"""Those who steer: cancels, promotions, pauses, purges, revived dead letters; and those who watch over workers."""

from __future__ import annotations

from collections.abc import Callable

from tests.model.native.calls import Cancel, Look, Pause, Promote, Purge, Recover, Revive, Word
from tests.model.native.guards import Guard
from tests.model.native.surroundings import Surroundings
from tests.model.native.terms import Lane, home
from tests.model.native.transfer import LetterTransfer


class Operator:
    """Whoever steers the queue, by command or page."""

    def __init__(self, around: Surroundings, shards: int) -> None:
        self._around = around
        self._shards = shards
        self._before = 0
        self._transfer: LetterTransfer | None = None

    def step(self) -> None:
        """Does one thing."""
        around, random = self._around, self._around.random
        luck = random.random()
        states = around.states
        ids = sorted({job_id for state in states for job_id in state.payloads})
        if luck < 0.3 and ids:
            self._ask_all(random.choice(ids), Cancel)
        elif luck < 0.45 and ids:
            self._ask_all(random.choice(ids), Promote)
        elif luck < 0.6:
            around.send(Pause(random.randrange(len(states)), paused=around.chance(0.3)))
        elif luck < 0.7:
            around.send(Purge(random.randrange(len(states)), random.choice(list(Lane))))
        elif luck < 0.8:
            self._look()
        else:
            self._revive()

    def _ask_all(self, job_id: str, call: type[Cancel | Promote]) -> None:
        """Asks the home of an id, and its old one."""
        for shard in sorted({home(job_id, self._shards), home(job_id, self._before or self._shards)}):
            self._around.send(call(shard, job_id))

    def _look(self) -> None:
        """Waits for a job, whatever has become of it."""
        shard = self._around.random.randrange(len(self._around.states))
        state = self._around.states[shard]
        known = sorted(state.payloads.keys() | state.results.keys())
        if known:
            self._around.send(Look(shard, self._around.random.choice(known)))

    def _revive(self) -> None:
        if self._transfer is not None and self._around.chance(0.8):
            self._transfer.step()
            if self._transfer.is_over:
                self._transfer = None
            return
        letters = [
            (shard, job_id, payload)
            for shard, state in enumerate(self._around.states)
            for job_id, payload in sorted(state.letters.items())
        ]
        if letters:
            self._revive_one(*self._around.random.choice(letters))

    def _revive_one(self, shard: int, job_id: str, payload: int) -> None:
        if home(job_id, self._shards) != shard and self._around.is_on(Guard.REVIVE_SHARDS):
            self._transfer = LetterTransfer(self._around, shard, job_id, payload, self._shards)
            return
        reply = self._around.send(Revive(shard, job_id, self._shards))
        if reply is not None and reply.word is Word.SHARDS:
            self._shards, self._before = reply.shards, reply.before


class Watcher:
    """Whoever recovers: a supervisor that saw a worker die, and others that see a lease run out."""

    def __init__(self, around: Surroundings, is_dead: Callable[[str], bool]) -> None:
        self._around = around
        self._is_dead = is_dead

    def step(self) -> None:
        """Recovers what is overdue in one shard, and sometimes one that is known to have died."""
        shard = self._around.random.randrange(len(self._around.states))
        leases = self._around.states[shard].leases
        overdue = sorted(inc for inc, ends in leases.items() if ends < self._around.clock.now)
        dead = sorted(inc for inc in leases if self._is_dead(inc))
        if overdue:
            self._around.send(Recover(shard, self._around.random.choice(overdue)))
        if dead and self._around.chance(0.3):
            self._around.send(Recover(shard, self._around.random.choice(dead), forced=True))

    def recover_all(self) -> None:
        """Recovers whatever is overdue."""
        for shard, state in enumerate(list(self._around.states)):
            for inc, ends in sorted(state.leases.items()):
                if ends < self._around.clock.now:
                    self._around.send(Recover(shard, inc))
