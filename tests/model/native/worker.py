"""Workers: processes that freeze, thaw, stop and die, and their incarnations, one in each shard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto

from tests.model.native.calls import Beat, Claim, Claimed, Finish, Reconcile, Requeue, Retire, Taken, Word
from tests.model.native.guards import Guard
from tests.model.native.surroundings import Surroundings
from tests.model.native.terms import MAX_CRASHES, Ended, Lane, Return, lane_of, number_of, other, token_of

CLAIMED_AT_ONCE = 2
LISTED_ON_A_PAGE = 2


class Condition(Enum):
    """How a process is."""

    LIVE = auto()
    FROZEN = auto()
    STOPPING = auto()
    STOPPED = auto()
    DEAD = auto()


@dataclass(frozen=True, slots=True)
class Run:
    """A job that an incarnation runs."""

    token: str
    payload: int
    tries: int
    must_die: bool


class Incarnation:
    """What a worker is in one shard, from its first claim until it is told that it has gone.

    Attributes:
        inc: its name.
        runs: id -> run.
        is_cut_off: a connection broke, so the next beat reconciles.
        has_left: it stopped, and holds nothing.
    """

    def __init__(self, around: Surroundings, shard: int, process: str, believed: Callable[[], int]) -> None:
        self.shard = shard
        self._around = around
        self._process = process
        self._believed = believed
        self._begin()

    def _begin(self) -> None:
        self.inc = self._name()
        self.runs: dict[str, Run] = {}
        self.is_cut_off = False
        self.has_left = False
        self._number = dict.fromkeys(Lane, 1)
        self._unanswered: set[Lane] = set()
        self._is_known = False
        self._ends: dict[str, Finish | Requeue] = {}
        self._cancels: set[str] = set()
        self._differed = 0

    def _name(self) -> str:
        if self._around.is_on(Guard.RANDOM_INCARNATIONS):
            return f"{self._process}.{next(self._around.numbers)}"
        return f"{self._process}/{self.shard}.{self._around.states[self.shard].incarnations + 1}"

    def awaits(self, lane: Lane, number: int) -> bool:
        """Whether it waits for the reply of this claim, or is about to have it."""
        return self._number[lane] == number

    # ---- steps -------------------------------------------------------------------------------------------------

    def step(self, *, stopping: bool = False, calm: bool = False) -> int:
        """Makes one call; returns how many shards there are, where that is told, else 0."""
        luck = self._around.random.random()
        if luck < 0.35:
            lane = self._around.random.choice(list(Lane))
            if not stopping or lane in self._unanswered:
                return self._claim(lane)
        elif luck < 0.75 and (self.runs or self._ends):
            self._end_one(stopping=stopping, calm=calm)
            return 0
        self._beat_or_retire(stopping=stopping)
        return 0

    def _claim(self, lane: Lane) -> int:
        number = self._number[lane]
        again = lane in self._unanswered
        self._unanswered.add(lane)
        reply = self._around.send(
            Claim(
                self.shard,
                self.inc,
                lane,
                number,
                CLAIMED_AT_ONCE,
                first=not self._is_known,
                again=again,
                shards=self._believed(),
            )
        )
        if reply is None:
            return 0
        if reply.word is Word.GONE:
            self._begin()
            return 0
        if reply.word is Word.SHARDS:
            self._unanswered.discard(lane)
            self._number[lane] += 1
            return reply.shards
        self._answered(lane, reply, again=again)
        return 0

    def _answered(self, lane: Lane, reply: Claimed, *, again: bool) -> None:
        self._is_known |= again or bool(reply.jobs)
        self._unanswered.discard(lane)
        token = token_of(lane, self._number[lane])
        self._number[lane] += 1
        for job in reply.jobs:
            self.runs[job.job_id] = self._begun(job, token)
            if job.cancelled:
                self._cancels.add(job.job_id)

    @staticmethod
    def _begun(job: Taken, token: str) -> Run:
        return Run(token, job.payload, job.tries, must_die=job.crashes >= MAX_CRASHES)

    def _end_one(self, *, stopping: bool, calm: bool) -> None:
        if not self._ends:
            job_id = self._around.random.choice(list(self.runs))
            self._ends[job_id] = self._decided(job_id, self.runs[job_id], stopping=stopping, calm=calm)
        call = next(iter(self._ends.values()))
        word: Word | None = self._around.send(call)
        if word is None:
            return
        if word is Word.GONE:
            self._begin()
            return
        self._drop(call.job_id, call.token)

    def _drop(self, job_id: str, token: str) -> None:
        run, end = self.runs.get(job_id), self._ends.get(job_id)
        if run is not None and run.token == token:
            del self.runs[job_id]
            self._cancels.discard(job_id)
        if end is not None and end.token == token:
            del self._ends[job_id]

    def _decided(self, job_id: str, run: Run, *, stopping: bool, calm: bool) -> Finish | Requeue:
        around, random = self._around, self._around.random
        keep = around.chance(0.3)
        if run.must_die:
            return Finish(self.shard, self.inc, job_id, run.token, run.payload, Ended.DEAD, keep)
        if job_id in self._cancels:
            return Finish(self.shard, self.inc, job_id, run.token, run.payload, Ended.CANCELLED)
        if calm or (not stopping and around.chance(0.6)):
            how = Ended.DEAD if not calm and around.chance(0.15) else Ended.SUCCEEDED
            return Finish(self.shard, self.inc, job_id, run.token, run.payload, how, keep)
        why = Return.HAND_BACK if stopping else random.choice(list(Return))
        lane = lane_of(run.token)
        lane = other(lane) if why is not Return.CRASH and not stopping and around.chance(0.2) else lane
        due = around.clock.now + random.randint(1, 12) if why is Return.RETRY and around.chance(0.5) else None
        tries = run.tries + (why is Return.RETRY)
        return Requeue(self.shard, self.inc, job_id, run.token, run.payload, why, lane, tries, due)

    # ---- beats -------------------------------------------------------------------------------------------------

    @property
    def _is_idle(self) -> bool:
        return not self.runs and not self._ends and not self._unanswered

    def _beat_or_retire(self, *, stopping: bool) -> None:
        if not self._is_known and not self._unanswered:
            self.has_left = stopping
            return
        if self._is_idle and (stopping or self._around.chance(0.08)) and self._retire(stopping=stopping):
            return
        reply = self._around.send(Beat(self.shard, self.inc))
        if reply is None:
            return
        if reply.word is Word.GONE:
            if self._is_known:
                self._begin()
            return
        self._cancels |= reply.cancels
        has_calls_out = bool(self._unanswered or self._ends)
        self._differed = self._differed + 1 if reply.held != len(self.runs) and not has_calls_out else 0
        if (self._differed >= 2 or self.is_cut_off) and self._around.is_on(Guard.RECONCILE):
            self._reconcile()

    def _retire(self, *, stopping: bool) -> bool:
        """Whether it needs no beat now."""
        word = self._around.send(Retire(self.shard, self.inc))
        if word in (Word.OK, Word.GONE):
            self._begin()
            self.has_left = stopping
            return True
        self.is_cut_off |= word is Word.HOLDS
        return word is None

    def _reconcile(self) -> None:
        """Sends all that it runs, in pages of whole claims; a page that is lost begins it anew."""
        for page in self._pages():
            reply = self._around.send(page)
            if reply is None:
                return
            if reply.word is Word.GONE:
                self._begin()
                return
            for job_id in reply.missing:
                self._drop(job_id, page.known[job_id])
        self._differed, self.is_cut_off = 0, False

    def _pages(self) -> list[Reconcile]:
        """What it runs, by lane and claim number; each page speaks of the numbers after the page before."""
        answered = {lane: number - 1 for lane, number in self._number.items()}
        above = dict.fromkeys(Lane, 0)
        pages: list[Reconcile] = []
        listed = sorted(
            ((job_id, run.token) for job_id, run in self.runs.items()), key=lambda one: (one[1][0], number_of(one[1]))
        )
        page: dict[str, str] = {}
        for job_id, token in listed:
            if len(page) >= LISTED_ON_A_PAGE and token not in page.values():
                upto = dict(above)
                for its in page.values():
                    upto[lane_of(its)] = number_of(its)
                    if lane_of(its) is not lane_of(token):
                        upto[lane_of(its)] = answered[lane_of(its)]
                pages.append(Reconcile(self.shard, self.inc, page, dict(above), upto))
                above, page = upto, {}
            page[job_id] = token
        return [*pages, Reconcile(self.shard, self.inc, page, above, answered)]


class Worker:
    """A process.

    Attributes:
        condition: how it is.
        incarnations: one a shard that it knows of.
    """

    def __init__(self, around: Surroundings, shards: int) -> None:
        self.name = f"w{next(around.numbers)}"
        self.condition = Condition.LIVE
        self._around = around
        self.incarnations: list[Incarnation] = []
        self._learn(shards)

    def _learn(self, shards: int) -> None:
        for shard in range(len(self.incarnations), shards):
            self.incarnations.append(Incarnation(self._around, shard, self.name, lambda: len(self.incarnations)))

    def step(self, *, calm: bool = False) -> None:
        """One of its incarnations makes a call, if it can."""
        if self.condition not in (Condition.LIVE, Condition.STOPPING):
            return
        stopping = self.condition is Condition.STOPPING
        one = self._around.random.choice(self.incarnations)
        if not (stopping and one.has_left):
            self._learn(one.step(stopping=stopping, calm=calm))
        if stopping and all(each.has_left for each in self.incarnations):
            self.condition = Condition.STOPPED

    def change(self) -> None:
        """It freezes, thaws, begins to stop, or dies."""
        luck = self._around.random.random()
        if self.condition is Condition.FROZEN and luck < 0.5:
            self.condition = Condition.LIVE
        elif self.condition is Condition.LIVE and luck < 0.5:
            self.condition = Condition.FROZEN
        elif luck < 0.7:
            self.condition = Condition.DEAD
        elif self.condition is Condition.LIVE and luck < 0.8:
            self.condition = Condition.STOPPING

    def is_over(self) -> bool:
        """Whether its process has ended."""
        return self.condition in (Condition.STOPPED, Condition.DEAD)
