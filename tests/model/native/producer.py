"""Producers: they put jobs in, repeat what is unknown, and learn how many shards there are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from tests.model.native.calls import Enqueue, Enqueued, Find, Word
from tests.model.native.guards import Guard
from tests.model.native.surroundings import Surroundings
from tests.model.native.terms import REPEAT_FOR, Lane, home, made_id


@dataclass(slots=True)
class Attempt:
    """An enqueue that is under way.

    Attributes:
        call: as it is sent next.
        is_unknown: it was sent, and its sender learned nothing.
        old_home: where its id must be looked for before; None where that was done, or need not be.
        is_over: its outcome is known, or it was given up.
        word: its outcome.
        decided_by: the shard that told it.
    """

    call: Enqueue
    is_unknown: bool = False
    old_home: int | None = None
    is_over: bool = False
    word: Word | None = None
    decided_by: int = 0


class Submitter:
    """Makes the calls of an enqueue, for producers and whoever moves jobs.

    Attributes:
        shards, before: how many it believes there are, and were before growth.
    """

    def __init__(self, around: Surroundings, shards: int, before: int = 0) -> None:
        self.shards = shards
        self.before = before
        self._around = around

    def attempt(self, call: Enqueue) -> Attempt:
        """An enqueue that begins now; `call` goes to the home of its id."""
        attempt = Attempt(call)
        self._route(attempt)
        return attempt

    def _route(self, attempt: Attempt) -> None:
        job_id = attempt.call.job_id
        shard = home(job_id, self.shards)
        attempt.call = replace(attempt.call, shard=shard, shards=self.shards)
        old = home(job_id, self.before) if self.before else shard
        attempt.old_home = old if old != shard and self._around.is_on(Guard.OLD_HOME) else None

    def send(self, attempt: Attempt) -> None:
        """Makes the next call of an enqueue."""
        call = attempt.call
        if attempt.old_home is not None:
            self._look(attempt, attempt.old_home)
            return
        again = call.again or attempt.is_unknown
        reply = self._around.send(replace(call, again=again))
        attempt.is_unknown = attempt.is_unknown or reply is None
        # A look at the old home holds for one call: what is repeated is looked for again.
        self._route(attempt)
        if reply is not None:
            self._decide(attempt, reply, call)

    def _look(self, attempt: Attempt, old_home: int) -> None:
        call = attempt.call
        again = call.again or attempt.is_unknown
        reply = self._around.send(Find(old_home, call.call, call.job_id, call.payload, self.shards, again, call.marked))
        if reply is None:
            return
        if reply.word is Word.FREE:
            attempt.old_home = None
        else:
            self._decide(attempt, reply, replace(call, shard=old_home))

    def _decide(self, attempt: Attempt, reply: Enqueued, call: Enqueue) -> None:
        if reply.word is Word.SHARDS:
            self.shards, self.before = reply.shards, reply.before
            self._route(attempt)
        elif reply.word is not Word.WAIT:
            self._over(attempt, reply.word, call.shard)

    def _over(self, attempt: Attempt, word: Word, shard: int) -> None:
        attempt.is_over, attempt.word, attempt.decided_by = True, word, shard
        if word is Word.IN:
            self._around.checks.acknowledge(attempt.call.payload)


class Producer:
    """One program that enqueues."""

    def __init__(
        self,
        around: Surroundings,
        shards: int,
        chosen_ids: Sequence[str],
        before: int = 0,
        priorities: Sequence[int] = (0,),
    ) -> None:
        self._around = around
        self._chosen_ids = chosen_ids
        self._priorities = priorities
        self._submitter = Submitter(around, shards, before)
        self._under_way: list[Attempt] = []

    def step(self) -> None:
        """Begins an enqueue, or goes on with one."""
        self._give_up()
        if not self._under_way or self._around.chance(0.4):
            self._under_way.append(self._submitter.attempt(self._new_call()))
        self.go_on()

    def go_on(self) -> bool:
        """Makes the next call of an enqueue that is under way; False where none is."""
        self._give_up()
        if not self._under_way:
            return False
        attempt = self._around.random.choice(self._under_way)
        self._submitter.send(attempt)
        if attempt.is_over:
            self._under_way.remove(attempt)
        return True

    def _give_up(self) -> None:
        """Its user is told that the outcome is unknown."""
        self._under_way = [one for one in self._under_way if one.call.until >= self._around.clock.now]

    def _new_call(self) -> Enqueue:
        around, random = self._around, self._around.random
        payload = next(around.numbers)
        shards = self._submitter.shards
        made = around.chance(0.4)
        job_id = made_id(payload, random.randrange(shards)) if made else random.choice(self._chosen_ids)
        return Enqueue(
            shard=0,
            call=f"call{payload}",
            job_id=job_id,
            payload=payload,
            shards=shards,
            until=around.clock.now + REPEAT_FOR,
            lane=random.choice(list(Lane)),
            due=around.clock.now + random.randint(1, 12) if around.chance(0.2) else None,
            priority=random.choice(self._priorities),
        )
