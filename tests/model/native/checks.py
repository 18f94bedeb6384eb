"""What must hold after each call, found from what Redis held before and after it.

Nothing here looks into a script: the checks are the same for the model's scripts and for real ones.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from itertools import count

from tests.model.native.calls import (
    Call,
    Cancel,
    Claim,
    Claimed,
    Enqueue,
    Finish,
    Look,
    Promote,
    Purge,
    Reconcile,
    Recover,
    Requeue,
    Retire,
    Revive,
    Seen,
    Taken,
    Word,
)
from tests.model.native.clock import Clock
from tests.model.native.state import Note, QueueState
from tests.model.native.terms import MARK_KEPT, MAX_CRASHES, Ended, Lane, Return

MAY_END = (Finish, Requeue, Reconcile, Recover, Cancel, Purge)
MAY_RELEASE = (Finish, Requeue, Reconcile, Recover)


class Violation(AssertionError):  # noqa: N818 - what was found, as in the tests
    """A promise was broken."""


@dataclass(frozen=True, slots=True)
class Order:
    """Where a job stands: since when it waits, and after how many others of that second (None: nobody can tell)."""

    since: int
    after: int | None

    def is_before(self, other: Order) -> bool:
        if self.since != other.since or self.after is None or other.after is None:
            return self.since < other.since
        return self.after < other.after


@dataclass(frozen=True, slots=True)
class Fate:
    """What has happened to one job in one shard.

    Attributes:
        puts, ends, letters: how often it was put in, has ended, and has become a dead letter.
        tries, crashes, priority: what its note must say.
        lane: where it must wait.
        order: None once it was returned: its place is not promised any more.
        cancelled: a cancellation of it was asked for, and it has not ended yet.
    """

    puts: int = 0
    ends: int = 0
    letters: int = 0
    tries: int = 0
    crashes: int = 0
    priority: int = 0
    lane: Lane = Lane.IO
    order: Order | None = None
    cancelled: bool = False


@dataclass(slots=True)
class History:
    """What has happened in one shard, as far as Redis has not lost it.

    Attributes:
        fates: payload -> what has happened to its job.
        left: incarnation -> when it was recovered or retired.
    """

    fates: dict[int, Fate] = field(default_factory=dict)
    left: dict[str, int] = field(default_factory=dict)

    def copy(self) -> History:
        return History(self.fates.copy(), self.left.copy())


@dataclass(frozen=True, slots=True)
class Workers:
    """What the checks ask about workers: only who sees all can know.

    Attributes:
        is_dead: whether the process of an incarnation has died.
        awaits: whether an incarnation waits for the reply of this claim, or is dead.
        runs: id -> token of what an incarnation runs.
    """

    is_dead: Callable[[str], bool]
    awaits: Callable[[str, Lane, int], bool]
    runs: Callable[[str], dict[str, str]]


class Checks:
    """The promises of the format.

    Attributes:
        acknowledged: payloads of the jobs that somebody was told are in.
        counts: what has happened how often, to be reported.
    """

    def __init__(self, clock: Clock, shards: int, workers: Workers) -> None:
        self.acknowledged: set[int] = set()
        self.counts: Counter[str] = Counter()
        self._clock = clock
        self._workers = workers
        self._histories = [History() for _ in range(shards)]
        self._sequence = count()
        self._restored_ids: set[str] = set()
        self._restored: set[int] = set()
        self._elsewhere: dict[int, int] = {}
        self._ended_elsewhere: set[int] = set()

    # ---- for who goes on or back -------------------------------------------------------------------------------

    def history(self, shard: int) -> History:
        """What has happened in a shard until now."""
        return self._histories[shard].copy()

    def has_ended(self, payload: int) -> bool:
        """Whether a job has ended, wherever."""
        return any(payload in one.fates and one.fates[payload].ends for one in self._histories)

    def went_back(self, shard: int, history: History, lost: QueueState, state: QueueState) -> None:
        """Redis went back from one state of a shard to an earlier one."""
        fates = self._histories[shard].fates
        self._histories[shard] = history.copy()
        self._restored |= {payload for payload, fate in fates.items() if history.fates.get(payload) != fate}
        self._restored_ids |= {
            job_id for job_id, payload in state.payloads.items() if lost.payloads.get(job_id) != payload
        }
        self.acknowledged = {payload for payload in self.acknowledged if self._puts(payload)}

    def _puts(self, payload: int) -> int:
        return sum(one.fates[payload].puts for one in self._histories if payload in one.fates)

    # ---- after each call ---------------------------------------------------------------------------------------

    def observe(self, call: Call[object], reply: object, before: QueueState, after: QueueState) -> None:
        """Looks at one call.

        Raises:
            Violation: A promise was broken.
        """
        history = self._histories[call.shard]
        self._places(after)
        self._payloads(history, call, before, after)
        self._releases(history, call, before, after)
        if isinstance(call, Claim) and isinstance(reply, Claimed):
            self._takes(history, call, reply, before, after)
        elif isinstance(call, Cancel) and reply is Word.ASKED:
            self._change(history, before.payloads[call.job_id], cancelled=True)
        elif isinstance(call, Look) and isinstance(reply, Seen):
            self._seen(history, call, reply, before)
        elif isinstance(call, Promote) and reply is Word.OK:
            self._change(history, before.payloads[call.job_id], order=self._last_of_now())
        elif isinstance(call, Retire) and reply is Word.OK:
            history.left[call.inc] = self._clock.now
        self._notes(history, after)

    def _places(self, after: QueueState) -> None:
        """Each job is in exactly one place, and nothing is left of those that are none."""
        held = [job_id for one in after.held.values() for job_id in one.tokens]
        places = [*held]
        for waiting in (*after.queued.values(), *after.deferred.values()):
            places += waiting
        if len(places) != len(set(places)):
            raise Violation(f"in two places: {sorted(places)}")
        if set(places) != after.payloads.keys():
            raise Violation(f"nowhere, or without a payload: {sorted(after.payloads.keys() ^ set(places))}")
        if after.leases.keys() - after.held.keys():
            raise Violation(f"a lease of nobody: {sorted(after.leases.keys() - after.held.keys())}")
        if after.cancels - after.payloads.keys():
            raise Violation(f"a cancellation of no job: {sorted(after.cancels - after.payloads.keys())}")
        if after.notes.keys() - after.payloads.keys():
            raise Violation(f"a note of no job: {sorted(after.notes.keys() - after.payloads.keys())}")

    def _payloads(self, history: History, call: Call[object], before: QueueState, after: QueueState) -> None:
        for job_id in before.payloads.keys() - after.payloads.keys():
            self._has_ended(history, call, before, job_id)
        for job_id, payload in after.payloads.items():
            if job_id not in before.payloads:
                self._was_put(history, call, job_id, payload, after)
            elif before.payloads[job_id] != payload:
                raise Violation(f"{job_id} was overwritten")

    def _has_ended(self, history: History, call: Call[object], before: QueueState, job_id: str) -> None:
        if not isinstance(call, MAY_END):
            raise Violation(f"{job_id} vanished")
        payload = before.payloads[job_id]
        fate = history.fates[payload]
        is_letter = isinstance(call, Finish) and call.how is Ended.DEAD
        self._change(history, payload, ends=fate.ends + 1, letters=fate.letters + is_letter, cancelled=False)
        self.counts["ends"] += 1

    def _was_put(self, history: History, call: Call[object], job_id: str, payload: int, after: QueueState) -> None:
        if not isinstance(call, Enqueue | Revive):
            raise Violation(f"{job_id} appeared")
        puts = history.fates.get(payload, Fate()).puts + 1
        ends = history.fates.get(payload, Fate()).ends
        letters = history.fates.get(payload, Fate()).letters
        if isinstance(call, Enqueue):
            # In arq's format a job whose cancellation was asked for is the first of all.
            order, lane = None if call.cancelled else self._order_of(call), call.lane
            new = Fate(puts, ends, letters, call.tries, call.crashes, call.priority, lane, order, call.cancelled)
        else:
            new = Fate(puts, ends, letters, order=self._last_of_now())
        history.fates[payload] = new
        self._put_once(job_id, payload)

    def _put_once(self, job_id: str, payload: int) -> None:
        """One enqueue puts one job, one letter revives one, and an id is in one home."""
        if payload in self._ended_elsewhere:
            raise Violation(f"{job_id} ({payload}) has run where it came from")
        homes = [one for one in self._histories if payload in one.fates]
        may = 1 + sum(one.fates[payload].letters for one in homes)
        if self._puts(payload) > may and (len(homes) == 1 or payload not in self._restored):
            raise Violation(f"{job_id} ({payload}) was put in {self._puts(payload)} times by one enqueue")

    def one_home(self, states: Iterable[QueueState]) -> None:
        """Each id is in one shard; but for those that Redis brought back by going back."""
        ids = [job_id for state in states for job_id in state.payloads if job_id not in self._restored_ids]
        if len(ids) != len(set(ids)):
            raise Violation(f"in two shards: {sorted(ids)}")

    def _order_of(self, call: Enqueue) -> Order:
        if call.payload in self._elsewhere:
            return Order(self._elsewhere[call.payload], None)
        if call.due is not None and call.due > self._clock.now:
            return Order(call.due, None)
        return self._last_of_now() if call.since is None else Order(call.since, None)

    def _last_of_now(self) -> Order:
        return Order(self._clock.now, next(self._sequence))

    def _releases(self, history: History, call: Call[object], before: QueueState, after: QueueState) -> None:
        """What an incarnation has ceased to hold was its own, and is counted as it should be."""
        for inc, held in before.held.items():
            now_held = after.held[inc].tokens if inc in after.held else {}
            for job_id, token in held.tokens.items():
                if now_held.get(job_id) != token:
                    self._was_released(history, call, inc, job_id, token, before, after)
        if isinstance(call, Recover) and after.held.get(call.inc) != before.held.get(call.inc):
            history.left[call.inc] = self._clock.now
            if not (self._workers.is_dead(call.inc) if call.forced else before.leases[call.inc] < self._clock.now):
                raise Violation(f"{call.inc} was recovered in its lease")

    def _was_released(
        self,
        history: History,
        call: Call[object],
        inc: str,
        job_id: str,
        token: str,
        before: QueueState,
        after: QueueState,
    ) -> None:
        if not isinstance(call, MAY_RELEASE) or call.inc != inc:
            raise Violation(f"{inc} was robbed of {job_id}")
        payload = before.payloads[job_id]
        if isinstance(call, Finish | Requeue) and (call.job_id, call.token, call.payload) != (job_id, token, payload):
            raise Violation(f"a stale end of {call.job_id} ({call.payload}, {call.token}) ended {payload}, {token}")
        if isinstance(call, Reconcile) and self._workers.runs(inc).get(job_id) == token:
            raise Violation(f"{inc} runs {job_id}, and lost it")
        if job_id not in after.payloads:
            return
        self._change(history, payload, order=None)
        fate = history.fates[payload]
        if isinstance(call, Recover):
            self._change(history, payload, crashes=fate.crashes + 1)
            self.counts["recovered"] += 1
        elif isinstance(call, Requeue):
            tries = fate.tries + (call.why is Return.RETRY)
            crashes = fate.crashes + (call.why is Return.CRASH)
            self._change(history, payload, tries=tries, crashes=crashes, lane=call.lane)
            self.counts[call.why.value] += 1
        else:
            self.counts["reconciled"] += 1

    @staticmethod
    def _seen(history: History, call: Look, reply: Seen, before: QueueState) -> None:
        """Whoever waits for a job learns of it that it lives, or how it ended."""
        if (reply.word is Word.IN) != (call.job_id in before.payloads):
            raise Violation(f"{call.job_id} was shown as {reply}, and is in {before.payloads}")
        end = before.results.get(call.job_id)
        if reply.word is Word.DONE and (end is None or end.how is not reply.how):
            raise Violation(f"{call.job_id} was shown as {reply}, and it ended as {end}")

    def _takes(self, history: History, call: Claim, reply: Claimed, before: QueueState, after: QueueState) -> None:
        held_before = before.held[call.inc].tokens if call.inc in before.held else {}
        held = after.held[call.inc].tokens if call.inc in after.held else {}
        taken = [job_id for job_id, token in held.items() if held_before.get(job_id) != token]
        self._told(history, reply)
        if not taken:
            return
        if before.paused:
            raise Violation("a claim took from a paused queue")
        left = history.left.get(call.inc)
        if left is not None and left + MARK_KEPT >= self._clock.now:
            raise Violation(f"{call.inc} took jobs after it had gone")
        if not self._workers.awaits(call.inc, call.lane, call.number):
            raise Violation(f"{call.inc} took {taken} by a claim that nobody waits for")
        fates = [history.fates[after.payloads[job_id]] for job_id in taken]
        if len(fates) > 1 and any(fate.crashes == MAX_CRASHES - 1 for fate in fates):
            raise Violation("a job that is one crash from its end did not come alone")
        if any(fate.order is not None and fate.order.since > self._clock.now for fate in fates):
            raise Violation("a job was taken before it was due")
        if any(fate.lane is not call.lane for fate in fates):
            raise Violation("a job came from another lane")
        self._in_order(history, call.lane, fates, reply.jobs, after)

    @staticmethod
    def _told(history: History, reply: Claimed) -> None:
        for job in reply.jobs:
            fate = history.fates[job.payload]
            if (job.tries, job.crashes, job.cancelled) != (fate.tries, fate.crashes, fate.cancelled):
                raise Violation(f"a claim said {job}, and it is {fate}")

    @staticmethod
    def _in_order(history: History, lane: Lane, taken: list[Fate], told: tuple[Taken, ...], after: QueueState) -> None:
        """First in, first out, among jobs of one priority that were never returned."""
        waits = [history.fates[after.payloads[job_id]] for job_id in after.queued[lane]]
        in_turn = [history.fates[job.payload] for job in told] if told else taken
        for one in waits:
            if any(is_overtaken(one, by) for by in in_turn):
                raise Violation(f"a job was overtaken: {one} by one of {in_turn}")
        for at, one in enumerate(in_turn):
            if any(is_overtaken(one, by) for by in in_turn[:at]):
                raise Violation(f"a job was given after a younger one: {one}")

    def acknowledge(self, payload: int) -> None:
        """Somebody was told that a job is in.

        Raises:
            Violation: It never was.
        """
        if not self._puts(payload) and payload not in self._restored:
            raise Violation(f"{payload} was acknowledged, and never put in")
        if self._puts(payload):
            self.acknowledged.add(payload)

    def put_elsewhere(self, payload: int, due: int) -> None:
        """A job is in a queue that it will be moved from.

        Raises:
            Violation: It is here already.
        """
        if self._puts(payload) and payload not in self._restored:
            raise Violation(f"{payload} was put in again where it came from")
        self._elsewhere[payload] = due

    def left_elsewhere(self, payload: int, *, cancelled: bool) -> None:
        """A job is gone from where it came from, where its cancellation was asked for or not.

        Raises:
            Violation: Nobody stops it here.
        """
        fates = [one.fates[payload] for one in self._histories if payload in one.fates]
        if cancelled and not any(fate.cancelled or fate.ends for fate in fates) and payload not in self._restored:
            raise Violation(f"the request for the cancellation of {payload} was lost")

    def ended_elsewhere(self, payload: int) -> None:
        """A job has run where it came from.

        Raises:
            Violation: It is here as well.
        """
        if self._puts(payload) and payload not in self._restored:
            raise Violation(f"{payload} has run where it came from, and was moved")
        self._ended_elsewhere.add(payload)

    @staticmethod
    def _notes(history: History, after: QueueState) -> None:
        for job_id, payload in after.payloads.items():
            fate = history.fates[payload]
            if after.note(job_id) != Note(fate.tries, fate.crashes, fate.priority):
                raise Violation(f"{job_id}: its note says {after.note(job_id)}, and it is {fate}")
        for waiting in (after.queued, after.deferred):
            for lane, ids in waiting.items():
                if any(history.fates[after.payloads[job_id]].lane is not lane for job_id in ids):
                    raise Violation(f"a job waits in the wrong lane: {sorted(ids)}")

    @staticmethod
    def _change(history: History, payload: int, **changes: object) -> None:
        history.fates[payload] = replace(history.fates[payload], **changes)  # type: ignore[arg-type]

    # ---- in the end --------------------------------------------------------------------------------------------

    def nothing_lost(self) -> None:
        """Every job that somebody was told is in has ended.

        Raises:
            Violation: One was lost.
        """
        promised = self.acknowledged | (self._elsewhere.keys() - self._restored)
        lost = sorted(payload for payload in promised - self._ended_elsewhere if not self.has_ended(payload))
        if lost:
            raise Violation(f"acknowledged, and lost: {lost}")


def is_overtaken(one: Fate, by: Fate) -> bool:
    """Whether a job stands before another one that was taken first."""
    if one.order is None or by.order is None:
        return False
    if one.priority != by.priority:
        return one.priority > by.priority
    return one.order.is_before(by.order)
