"""The rules of the format. Each can be switched off, to see that the checks find what it is there for."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Guard(Enum):
    """A rule; its value says what the rule is. F1 to F7 are the fences of the format."""

    RIGHT = "F1: whoever was recovered has no right to act, from the first step of the recovery"
    FIRST = "F1: only the first claim of an incarnation creates its hash"
    GONE = "F1: an incarnation that was recovered or retired never comes back"
    RANDOM_INCARNATIONS = "incarnations are random, never counted"
    TOKEN = "F3: an end names the token of its claim"
    CLAIM_NUMBERS = "F4: a claim takes once for its number, and nothing after a later one"
    EMPTY_REPEATED_CLAIM = "F4: a repeated claim counts, also where it takes nothing: its twin may come"
    BAR = "F5: a repetition bars the call that it repeats"
    AGAIN_LOOKS = "F5: a repetition looks for the end of its job"
    AGAIN_DEADLINE = "a repetition says until when it holds, and is refused after that"
    PURGE_LEAVES_TOMBSTONES = "a purge leaves tombstones, as every end does"
    BEAT_XX = "F6: a beat renews a lease and creates none"
    RECONCILE = "F7: a worker whose count differs, or that was cut off, reconciles"
    RECONCILE_LANES = "F7: the highest claim number that was answered is one of each lane"
    RECONCILE_RANGES = "F7: a page of a long list speaks of its own claim numbers only"
    RETIRE_EMPTY = "an incarnation that holds anything does not retire"
    RECOVER_LANE = "a recovered job goes back to the lane of its token"
    ALONE = "a job that is one crash from its end comes alone"
    CANCEL_STAYS = "a request for a cancellation outlives every return of its job: the next claim hands it over"
    STAMP_RANGE = "a stamp from a stranger's score stays within its priority"
    SHARDS_NAMED = "an enqueue names how many shards it believes in, and another number is refused"
    OLD_HOME = "after growth, an id that has moved is looked for in its old home first"
    LOOK_NAMES_SHARDS = "and so does the look: the old home takes no such id any more from then on"
    GROW_OLD_FIRST = "growth tells the old shards before it opens the new ones"
    GROW_SETTLED = "growth opens new shards when what it told the old ones can no longer be lost"
    LETTER_ASKS = "a letter leaves its shard only where no job of its id is, or has been since"
    REVIVE_SHARDS = "a revive names how many shards it believes in"
    TRANSFER_MARK = "a transfer is marked at its destination until its source is gone"
    LOOK_SEES_MARK = "a look at an old home sees the mark of a transfer"
    NOT_RESUMED = "a queue is not resumed before the move of its jobs has come to its end"
    DROP_SEES_CANCEL = "a moved job whose cancellation was asked for meanwhile is not dropped before its new home knows"
    DROP_LEAVES_TRACE = "for as long as an enqueue may be repeated, something shows that its job was moved"
    LEASE_KEEPS_SCORE = "the lease of a mover leaves the score of the job as it is"


ALL_GUARDS: Final = frozenset(Guard)
