"""One random run: everyone acts in any order, Redis goes back now and then, and in the end all must have ended."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection
from dataclasses import dataclass
from random import Random

from tests.model.native.calls import Pause, Scripts
from tests.model.native.checks import Checks, History, Violation, Workers
from tests.model.native.clock import Clock
from tests.model.native.growth import Growth
from tests.model.native.guards import ALL_GUARDS, Guard
from tests.model.native.model_scripts import ModelScripts
from tests.model.native.network import Network
from tests.model.native.people import Operator, Watcher
from tests.model.native.producer import Producer
from tests.model.native.source_life import SourceLife
from tests.model.native.source_queue import ModelSource, SourceJob, SourceQueue
from tests.model.native.state import QueueState
from tests.model.native.surroundings import Surroundings
from tests.model.native.terms import FIRST_SHARDS, GROWN_SHARDS, HORIZON, Lane
from tests.model.native.transfer import Mover
from tests.model.native.worker import Condition, Incarnation, Worker

CHOSEN_IDS = ("A", "B", "C")
ROUNDS_TO_SETTLE = 1_500

MakeSource = Callable[[Clock, Collection[Guard]], SourceQueue]
MakeScripts = Callable[[Clock, Collection[Guard], int, int], Scripts]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A state of one shard that Redis may go back to."""

    at: int
    state: QueueState
    history: History


@dataclass(frozen=True, slots=True)
class Setting:
    """What a run is about.

    Attributes:
        grows: the queue has shards, and gets more.
        moves: jobs come from an arq queue.
        goes_back: Redis loses the newest part of its history now and then.
        has_priorities: jobs have priorities.
    """

    grows: bool
    moves: bool
    goes_back: bool
    has_priorities: bool = True

    @classmethod
    def of(cls, seed: int, *, goes_back: bool) -> Setting:
        """A queue of one shard in half of the runs; a move in every third."""
        return cls(grows=seed % 2 == 1, moves=seed % 3 == 0, goes_back=goes_back)

    @classmethod
    def real(cls, *, goes_back: bool, grows: bool = False) -> Setting:
        """Without whatever the real scripts do not have yet."""
        return cls(grows=grows, moves=False, goes_back=goes_back, has_priorities=False)

    @classmethod
    def moving(cls, *, goes_back: bool) -> Setting:
        """The same, to which jobs are moved."""
        return cls(grows=False, moves=True, goes_back=goes_back, has_priorities=False)


class World:
    """Everyone and everything of one run."""

    def __init__(
        self,
        seed: int,
        guards: Collection[Guard] = ALL_GUARDS,
        *,
        goes_back: bool = True,
        make_scripts: MakeScripts = ModelScripts,
        make_source: MakeSource = ModelSource,
        setting: Setting | None = None,
    ) -> None:
        """A run; what a setting leaves open, the seed decides."""
        self.setting = setting or Setting.of(seed, goes_back=goes_back)
        random, clock = Random(seed), Clock()
        opened, shards = (FIRST_SHARDS, GROWN_SHARDS) if self.setting.grows else (1, 1)
        scripts = make_scripts(clock, guards, opened, shards)
        workers = Workers(self._is_dead, self._awaits, self._runs)
        self._around = Surroundings(
            random,
            clock,
            frozenset(guards),
            Network(random, clock),
            scripts,
            Checks(clock, shards, workers),
            [scripts.state(shard) for shard in range(shards)],
        )
        self._opened = opened
        self._dead: set[str] = set()
        self._snapshots: list[deque[Snapshot]] = [deque() for _ in range(shards)]
        self._workers = [Worker(self._around, opened) for _ in range(2)]
        self._producers = [self._new_producer(opened) for _ in range(2)]
        self._operator = Operator(self._around, opened)
        self._watcher = Watcher(self._around, self._is_dead)
        self._growth = Growth(self._around) if self.setting.grows else None
        self._source = make_source(clock, guards)
        self._source_life = SourceLife(self._around, self._source)
        if self.setting.moves:
            self._fill_source()
        self._mover = Mover(self._around, self._source, opened)
        self._gone_back = 0

    def _fill_source(self) -> None:
        """Jobs wait at the source, one is deferred, the cancellation of one was asked for, and its worker runs one."""
        around = self._around
        now = around.clock.now
        scores = {"moved4": now - 40, "A": now - 30, "moved5": 1, "moved1": now - 9, "moved3": now + 20}
        for job_id, score in scores.items():
            job = SourceJob(job_id, next(around.numbers), score)
            self._source.put(job, again=False)
            around.checks.put_elsewhere(job.payload, score)
        self._source_life.work()
        self._source.cancel("moved1")

    # ---- what only who sees all can know -----------------------------------------------------------------------

    def _incarnation(self, inc: str) -> Incarnation | None:
        every = (one for worker in self._workers if not worker.is_over() for one in worker.incarnations)
        return next((one for one in every if one.inc == inc), None)

    def _is_dead(self, inc: str) -> bool:
        return inc in self._dead

    def _awaits(self, inc: str, lane: Lane, number: int) -> bool:
        one = self._incarnation(inc)
        return inc in self._dead if one is None else one.awaits(lane, number)

    def _runs(self, inc: str) -> dict[str, str]:
        one = self._incarnation(inc)
        return {} if one is None else {job_id: run.token for job_id, run in one.runs.items()}

    # ---- steps -------------------------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Makes this many random steps, and then lets all end.

        Raises:
            Violation: A promise was broken; it says by which calls.
        """
        try:
            for _ in range(steps):
                self._step()
            self._settle()
        except Violation as found:
            found.add_note("\n".join(self._around.log[-40:]))
            raise

    def counts(self) -> Counter[str]:
        """What has happened how often."""
        late = self._around.network.delivered_late
        return self._around.checks.counts + Counter({"late calls": late, "went back": self._gone_back})

    def _step(self) -> None:
        around = self._around
        around.clock.now += around.random.choice((0, 0, 1, 3))
        self._keep_snapshot()
        luck = around.random.random()
        if luck < 0.15:
            self._enqueue()
        elif luck < 0.24:
            around.network.deliver_one()
        elif luck < 0.28:
            self._operator.step()
        elif luck < 0.29:
            self._go_back()
        elif luck < 0.34:
            self._change_worker(around.random.randrange(len(self._workers)))
        elif luck < 0.42:
            self._watcher.step()
        elif luck < (0.65 if self.setting.moves else 0.5):
            self._grow_or_move()
        else:
            around.random.choice(self._workers).step()
        if self.setting.grows:
            around.checks.one_home(around.states)

    def _enqueue(self) -> None:
        around = self._around
        at = around.random.randrange(len(self._producers))
        if around.chance(0.02):
            # A program that is started now asks an old shard how many there are.
            state = around.states[around.random.randrange(self._opened)]
            self._producers[at] = self._new_producer(state.shards or self._opened, state.before)
        self._producers[at].step()

    def _new_producer(self, shards: int, before: int = 0) -> Producer:
        priorities = (0, 0, 0, 0, 1) if self.setting.has_priorities else (0,)
        return Producer(self._around, shards, CHOSEN_IDS, before, priorities)

    def _grow_or_move(self) -> None:
        """Goes on with growth or a move; now and then it is killed, and begun again."""
        around = self._around
        if self._growth is not None and (around.chance(0.5) or not self.setting.moves):
            if not self._growth.has_finished:
                self._growth.step()
            if around.chance(0.05):
                self._growth = Growth(around)
        elif self.setting.moves:
            self._move()

    def _move(self) -> None:
        around = self._around
        if around.chance(0.4):
            self._source_life.step()
        elif self._mover.has_finished or around.chance(0.05):
            self._mover = Mover(around, self._source, self._opened)
        else:
            self._mover.step()

    def _change_worker(self, at: int) -> None:
        worker = self._workers[at]
        if not worker.is_over():
            worker.change()
        if worker.condition is Condition.DEAD:
            self._dead |= {one.inc for one in worker.incarnations}
        if worker.is_over() and self._around.chance(0.7):
            self._workers[at] = Worker(self._around, self._opened)

    # ---- back to an earlier state ------------------------------------------------------------------------------

    def _keep_snapshot(self) -> None:
        around = self._around
        for shard, kept in enumerate(self._snapshots):
            while kept and kept[0].at < around.clock.now - HORIZON:
                kept.popleft()
            if self.setting.goes_back and around.chance(0.2):
                kept.append(Snapshot(around.clock.now, around.states[shard], around.checks.history(shard)))

    def _go_back(self) -> None:
        around = self._around
        shard = around.random.randrange(len(self._snapshots))
        if not self._snapshots[shard]:
            return
        snapshot = around.random.choice(self._snapshots[shard])
        self._snapshots[shard] = deque(one for one in self._snapshots[shard] if one.at <= snapshot.at)
        around.network.cut(shard)
        around.scripts.restore(shard, snapshot.state)
        around.checks.went_back(shard, snapshot.history, around.states[shard], snapshot.state)
        around.states[shard] = snapshot.state
        around.log.append(f"{around.clock.now}: shard {shard} goes back to {snapshot.at}")
        self._gone_back += 1
        for worker in self._workers:
            for one in worker.incarnations[shard : shard + 1]:
                one.is_cut_off = True

    # ---- the end -----------------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """Whatever is sent now arrives, what is late still comes, and all jobs end."""
        around = self._around
        around.network.calm = True
        for worker in self._workers:
            if worker.condition is Condition.FROZEN:
                worker.condition = Condition.LIVE
        for _ in range(ROUNDS_TO_SETTLE):
            if self._is_settled():
                around.checks.nothing_lost()
                return
            self._settle_once()
        raise Violation(f"never ends: {around.states}, {self._source.waiting()}")

    def _settle_once(self) -> None:
        around = self._around
        around.clock.now += around.random.choice((0, 1))
        around.network.deliver_one()
        for shard, state in enumerate(around.states):
            if state.paused:
                around.send(Pause(shard, paused=False))
        for producer in self._producers:
            producer.go_on()
        for worker in self._workers:
            for _ in range(4):
                worker.step(calm=True)
        self._watcher.recover_all()
        if all(worker.condition is not Condition.LIVE for worker in self._workers):
            self._workers[0] = Worker(around, self._opened)
        if self._growth is not None and not self._growth.has_finished:
            self._growth.step()
        self._settle_source()

    def _settle_source(self) -> None:
        around = self._around
        if around.chance(0.1):
            self._source_life.repeat()
        if self._source.waiting():
            self._source_life.work()
            if self._mover.has_finished:
                self._mover = Mover(around, self._source, self._opened)
            self._mover.step()

    def _is_settled(self) -> bool:
        return (
            self._around.network.is_empty
            and not any(state.payloads for state in self._around.states)
            and not any(producer.go_on() for producer in self._producers)
            and not self._source.waiting()
            and (self._growth is None or self._growth.has_finished)
        )
