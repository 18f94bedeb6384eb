"""Each rule of growth that chance hardly ever needs, switched off in a scene that needs it, and kept in the same scene.

A seed would need a freeze, a loss and two people at once; here each call is made where it does harm.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Final

import pytest

from tests.model.native.calls import Claim, Enqueue, Finish, Word
from tests.model.native.checks import Checks, History, Violation, Workers
from tests.model.native.clock import Clock
from tests.model.native.growth import Growth
from tests.model.native.guards import ALL_GUARDS, Guard
from tests.model.native.model_scripts import ModelScripts
from tests.model.native.network import Network
from tests.model.native.people import Operator
from tests.model.native.producer import Attempt, Submitter
from tests.model.native.state import QueueState
from tests.model.native.surroundings import Surroundings
from tests.model.native.terms import (
    FIRST_SHARDS,
    GROWN_SHARDS,
    HORIZON,
    REPEAT_FOR,
    RESULT_KEPT,
    Ended,
    Lane,
    home,
    token_of,
)

OLD: Final = FIRST_SHARDS - 1
"""The shard that growth tells last of the old ones."""

ID: Final = next(
    name
    for name in map(chr, range(ord("A"), ord("Z")))
    if home(name, FIRST_SHARDS) == OLD and home(name, GROWN_SHARDS) >= FIRST_SHARDS
)
"""An id that moves from there to a new shard."""


class Scene:
    """A queue that grows, and one id that moves; each call arrives, and after it the id is in one shard."""

    def __init__(self, guards: frozenset[Guard]) -> None:
        random, self.clock = Random(0), Clock()
        scripts = ModelScripts(self.clock, guards, FIRST_SHARDS, GROWN_SHARDS)
        workers = Workers(is_dead=lambda _: False, awaits=lambda *_: True, runs=lambda _: {})
        checks = Checks(self.clock, GROWN_SHARDS, workers)
        states = [scripts.state(shard) for shard in range(GROWN_SHARDS)]
        self.around = Surroundings(random, self.clock, guards, Network(random, self.clock), scripts, checks, states)
        self.around.network.calm = True
        self.growth = Growth(self.around)
        self.old = Submitter(self.around, FIRST_SHARDS)
        self.new = Submitter(self.around, GROWN_SHARDS, FIRST_SHARDS)

    # ---- producers ---------------------------------------------------------------------------------------------

    def attempt(self, submitter: Submitter) -> Attempt:
        """An enqueue of the id that nobody has sent yet."""
        payload = next(self.around.numbers)
        until = self.clock.now + REPEAT_FOR
        return submitter.attempt(Enqueue(0, f"call{payload}", ID, payload, submitter.shards, until=until))

    def send(self, submitter: Submitter, attempt: Attempt) -> None:
        """Makes the next call of an enqueue."""
        submitter.send(attempt)
        self.around.checks.one_home(self.around.states)

    def enqueue(self, submitter: Submitter) -> Word | None:
        """Enqueues the id, as far as that goes now: its word, None where it must wait."""
        attempt = self.attempt(submitter)
        for _ in range(4):
            if not attempt.is_over:
                self.send(submitter, attempt)
        return attempt.word

    # ---- growth ------------------------------------------------------------------------------------------------

    def tell(self, shard: int) -> None:
        """Growth goes on until it has told this shard."""
        while self.around.states[shard].shards != GROWN_SHARDS:
            self._grow()

    def go_on(self) -> None:
        """Growth goes on as far as it need not wait."""
        for _ in range(GROWN_SHARDS):
            if not self.growth.has_finished:
                self.growth.step()

    def grow(self) -> None:
        """Growth goes on to its end."""
        while not self.growth.has_finished:
            self._grow()

    def _grow(self) -> None:
        before = list(self.around.states)
        self.growth.step()
        if before == self.around.states:
            self.clock.now += HORIZON + 1

    def lose(self, shard: int, back_to: tuple[QueueState, History]) -> None:
        """Redis loses what a shard has learned since then."""
        state, history = back_to
        self.around.scripts.restore(shard, state)
        self.around.checks.went_back(shard, history, self.around.states[shard], state)
        self.around.states[shard] = state

    # ---- letters -----------------------------------------------------------------------------------------------

    def leave_letter(self) -> int:
        """The id is enqueued, runs and dies in its old home; its result expires and its letter stays. Its payload."""
        assert self.enqueue(self.old) is Word.IN
        [taken] = self.around.call(Claim(OLD, "w.1", Lane.IO, 1, 1, first=True, shards=FIRST_SHARDS)).jobs
        token = token_of(Lane.IO, 1)
        assert self.around.call(Finish(OLD, "w.1", ID, token, taken.payload, Ended.DEAD)) is Word.OK
        self.clock.now += RESULT_KEPT + 1
        return taken.payload

    def revive(self, payload: int, shards: int) -> None:
        """Somebody who believes in so many shards revives the letter, and goes on until that is over."""
        operator = Operator(self.around, shards)
        operator._revive_one(OLD, ID, payload)
        while operator._transfer is not None and not operator._transfer.is_over:
            operator._transfer.step()
            self.around.checks.one_home(self.around.states)
        self.around.checks.one_home(self.around.states)


def looked_before_the_old_home_was_told(scene: Scene) -> None:
    """Who knows of more shards looks at an old home that does not, and freezes until the new one opens."""
    scene.tell(OLD - 1)
    late = scene.attempt(scene.new)
    scene.send(scene.new, late)
    assert scene.enqueue(scene.old) is Word.IN
    scene.grow()
    scene.send(scene.new, late)


def what_the_old_home_was_told_is_lost(scene: Scene) -> None:
    """The old home forgets that there are more shards, when the id is in its new home already."""
    untold = scene.around.states[OLD], scene.around.checks.history(OLD)
    scene.tell(OLD)
    scene.go_on()
    word = scene.enqueue(scene.new)
    scene.lose(OLD, untold)
    assert scene.enqueue(scene.old) is Word.IN
    scene.grow()
    assert word is None, "a new home opened"
    assert scene.enqueue(scene.new) is Word.EXISTED


def an_old_program_revives(scene: Scene) -> None:
    """Somebody who has not heard of more shards revives a letter, whose id is in its new home again."""
    payload = scene.leave_letter()
    scene.grow()
    assert scene.enqueue(scene.new) is Word.IN
    scene.revive(payload, FIRST_SHARDS)


def a_letter_is_moved_beside_its_namesake(scene: Scene) -> None:
    """A later job of the id waits in the old home, where the letter of the earlier one is as well."""
    payload = scene.leave_letter()
    assert scene.enqueue(scene.old) is Word.IN
    scene.grow()
    scene.revive(payload, GROWN_SHARDS)


SCENES: Final = [
    (Guard.LOOK_NAMES_SHARDS, looked_before_the_old_home_was_told),
    (Guard.GROW_OLD_FIRST, what_the_old_home_was_told_is_lost),
    (Guard.GROW_SETTLED, what_the_old_home_was_told_is_lost),
    (Guard.REVIVE_SHARDS, an_old_program_revives),
    (Guard.LETTER_ASKS, a_letter_is_moved_beside_its_namesake),
]


@pytest.mark.parametrize(("without", "play"), SCENES, ids=[guard.name for guard, _ in SCENES])
def test_each_rule_of_growth_is_needed(without: Guard, play: Callable[[Scene], None]) -> None:
    with pytest.raises(Violation, match="in two shards"):
        play(Scene(ALL_GUARDS - {without}))
    play(Scene(ALL_GUARDS))
