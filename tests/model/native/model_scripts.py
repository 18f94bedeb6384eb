"""What the scripts of the native format do, as its design says it: the model's side of `Scripts`."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable
from dataclasses import replace

from tests.model.native.calls import (
    Beat,
    Beaten,
    Cancel,
    Claim,
    Claimed,
    Discard,
    Enqueue,
    Enqueued,
    Find,
    Finish,
    Forget,
    Look,
    Pause,
    Promote,
    Purge,
    Reconcile,
    Reconciled,
    Recover,
    Requeue,
    Retire,
    Revive,
    Seen,
    SetShards,
    Taken,
    Word,
)
from tests.model.native.clock import Clock
from tests.model.native.guards import Guard
from tests.model.native.state import End, Held, Note, QueueState
from tests.model.native.terms import (
    EPOCH,
    LEASE,
    LEAST_STAMP,
    LEVEL,
    MARK_KEPT,
    MAX_CRASHES,
    PROMOTED_AT_ONCE,
    RESULT_KEPT,
    STAMPS_PER_SECOND,
    TOMBSTONE_KEPT,
    Ended,
    Lane,
    Return,
    lane_of,
    number_of,
    token_of,
)


class ModelScripts:
    """The scripts of a sharded queue.

    Args:
        clock: Redis' time.
        guards: the rules that they keep.
        opened: how many shards there are at first.
        shards: how many there may be.
    """

    def __init__(self, clock: Clock, guards: Collection[Guard], opened: int, shards: int) -> None:
        self._clock = clock
        self._guards = frozenset(guards)
        self._queues = [QueueState(shards=opened if shard < opened else None) for shard in range(shards)]

    def state(self, shard: int) -> QueueState:
        return self._queues[shard].copy()

    def restore(self, shard: int, state: QueueState) -> None:
        self._queues[shard] = state.copy()

    # ---- enqueue ----------------------------------------------------------------------------------------------

    def enqueue(self, call: Enqueue) -> Enqueued:
        queue = self._opened(call.shard)
        if call.again and Guard.AGAIN_DEADLINE in self._guards and self._clock.now > call.until:
            return Enqueued(Word.TOO_LATE)
        refused = self._refused(queue, call.shards) if Guard.SHARDS_NAMED in self._guards else None
        if refused is not None:
            return refused
        word = self._known_of(queue, call)
        if word is not None:
            return Enqueued(word)
        if call.marked:
            queue.barred[call.call] = math.inf
        self._put(queue, call)
        return Enqueued(Word.IN)

    def _refused(self, queue: QueueState, shards: int) -> Enqueued | None:
        """An old shard takes jobs from those who know of more: what lives there then has lived there before."""
        if queue.shards is None:
            return Enqueued(Word.WAIT)
        return Enqueued(Word.SHARDS, queue.shards, queue.before) if queue.shards > shards else None

    def _known_of(self, queue: QueueState, call: Enqueue) -> Word | None:
        """What an enqueue answers when it puts nothing in."""
        mine = queue.payloads.get(call.job_id)
        if not call.again:
            if call.call in queue.barred and Guard.BAR in self._guards:
                return Word.BARRED
            return Word.EXISTED if mine is not None or call.job_id in queue.results else None
        if call.marked and Guard.TRANSFER_MARK in self._guards:
            if call.call in queue.barred:
                return Word.IN
        else:
            queue.barred[call.call] = self._clock.now + MARK_KEPT
        if mine is not None:
            return Word.IN if mine == call.payload else Word.EXISTED
        if call.marked and Guard.TRANSFER_MARK in self._guards:
            return Word.EXISTED if call.job_id in queue.results else None  # its mark would show that it was in
        has_ended = call.job_id in queue.results or call.job_id in queue.tombstones
        return Word.UNKNOWN if has_ended and Guard.AGAIN_LOOKS in self._guards else None

    def _put(self, queue: QueueState, call: Enqueue) -> None:
        queue.payloads[call.job_id] = call.payload
        note = Note(call.tries, call.crashes, call.priority)
        if note != Note():
            queue.notes[call.job_id] = note
        if call.cancelled:
            queue.cancels.add(call.job_id)
        if call.due is not None and call.due > self._clock.now:
            queue.deferred[call.lane][call.job_id] = call.due
            return
        # What comes after its time is as young as any that comes now, but where it has waited elsewhere.
        since = call.since if call.since is not None or not call.marked else call.due
        stamp = self._stamp(queue) if since is None else self._stamp_at(since)
        queue.queued[call.lane][call.job_id] = self._score(call.priority, stamp)

    def _stamp(self, queue: QueueState) -> int:
        queue.last = max(queue.last + 1, (self._clock.now - EPOCH) * STAMPS_PER_SECOND)
        return queue.last

    def _stamp_at(self, second: int) -> int:
        stamp = (second - EPOCH) * STAMPS_PER_SECOND
        return min(max(stamp, LEAST_STAMP), LEVEL - 1) if Guard.STAMP_RANGE in self._guards else stamp

    @staticmethod
    def _score(priority: int, stamp: int) -> int:
        return (500 - priority) * LEVEL + stamp

    def find(self, call: Find) -> Enqueued:
        queue = self._opened(call.shard)
        if Guard.LOOK_NAMES_SHARDS in self._guards:
            if queue.shards is None or queue.shards < call.shards:
                return Enqueued(Word.WAIT)
            if queue.shards > call.shards:
                return Enqueued(Word.SHARDS, queue.shards, queue.before)
        return Enqueued(self._found(queue, call))

    def _found(self, queue: QueueState, call: Find) -> Word:
        if call.marked and call.call in queue.barred and Guard.LOOK_SEES_MARK in self._guards:
            return Word.IN
        if call.job_id in queue.payloads:
            return Word.IN if queue.payloads[call.job_id] == call.payload else Word.EXISTED
        if call.job_id in queue.results:
            return Word.UNKNOWN if call.again else Word.EXISTED
        return Word.UNKNOWN if call.again and call.job_id in queue.tombstones else Word.FREE

    def forget(self, call: Forget) -> Word:
        queue = self._opened(call.shard)
        if call.call in queue.barred:
            queue.barred[call.call] = self._clock.now + MARK_KEPT
        return Word.OK

    # ---- workers ----------------------------------------------------------------------------------------------

    def claim(self, call: Claim) -> Claimed:
        queue = self._opened(call.shard)
        if queue.shards is not None and queue.shards > call.shards and not call.again:
            # A repeated claim is not refused: what it took the first time must be handed over.
            return Claimed(Word.SHARDS, shards=queue.shards)
        held = self._claimer(queue, call)
        if held is None:
            return Claimed(Word.GONE)
        newest = held.newest[call.lane]
        token = token_of(call.lane, call.number)
        if call.number <= newest and Guard.CLAIM_NUMBERS in self._guards:
            same = [job_id for job_id, its in held.tokens.items() if its == token]
            return Claimed(Word.OK, self._taken(queue, same))
        ids: list[str] = []
        if not queue.paused:
            self._promote_due(queue, call.lane)
            ids = self._first(queue, call.lane, call.limit)
        for job_id in ids:
            del queue.queued[call.lane][job_id]
            held.tokens[job_id] = token
        if ids or (call.again and Guard.EMPTY_REPEATED_CLAIM in self._guards):
            held.newest[call.lane] = call.number
            queue.held[call.inc] = held
            queue.leases[call.inc] = self._clock.now + LEASE
        return Claimed(Word.OK, self._taken(queue, ids))

    def _claimer(self, queue: QueueState, call: Claim) -> Held | None:
        """What holds the jobs of a claim; a new one stays only where the claim counts."""
        held = queue.held.get(call.inc)
        if held is not None:
            return held if held.right or Guard.RIGHT not in self._guards else None
        if call.inc in queue.gone and Guard.GONE in self._guards:
            return None
        if not call.first and Guard.FIRST in self._guards:
            return None
        queue.incarnations += 1
        return Held(right=True, newest=dict.fromkeys(Lane, 0), tokens={})

    def _promote_due(self, queue: QueueState, lane: Lane) -> None:
        deferred = queue.deferred[lane]
        due = sorted((at, job_id) for job_id, at in deferred.items() if at <= self._clock.now)
        for at, job_id in due[:PROMOTED_AT_ONCE]:
            del deferred[job_id]
            queue.queued[lane][job_id] = self._score(queue.note(job_id).priority, self._stamp_at(at))

    def _first(self, queue: QueueState, lane: Lane, limit: int) -> list[str]:
        ids = queue.ordered(lane)[:limit]
        if Guard.ALONE not in self._guards:
            return ids
        for at, job_id in enumerate(ids):
            if queue.note(job_id).crashes == MAX_CRASHES - 1:
                return ids[: max(at, 1)]
        return ids

    @staticmethod
    def _taken(queue: QueueState, ids: Iterable[str]) -> tuple[Taken, ...]:
        notes = [(job_id, queue.note(job_id)) for job_id in ids]
        return tuple(
            Taken(job_id, queue.payloads[job_id], note.tries, note.crashes, cancelled=job_id in queue.cancels)
            for job_id, note in notes
        )

    def finish(self, call: Finish) -> Word:
        queue = self._opened(call.shard)
        word = self._released(queue, call)
        if word is Word.OK:
            self._end(queue, call.job_id, call.how, keep=call.keep)
        return word

    def requeue(self, call: Requeue) -> Word:
        queue = self._opened(call.shard)
        word = self._released(queue, call)
        if word is not Word.OK:
            return word
        self._returned(queue, call.job_id)
        note = queue.note(call.job_id)
        if call.why is Return.RETRY:
            note = queue.notes[call.job_id] = replace(note, tries=call.tries)
        elif call.why is Return.CRASH:
            note = queue.notes[call.job_id] = replace(note, crashes=note.crashes + 1)
        if call.due is not None:
            queue.deferred[call.lane][call.job_id] = call.due
        elif call.why is Return.RETRY:
            queue.queued[call.lane][call.job_id] = self._score(note.priority, self._stamp(queue))
        else:
            self._to_head(queue, call.lane, call.job_id)
        return word

    def _acting(self, queue: QueueState, inc: str) -> Held | None:
        held = queue.held.get(inc)
        return held if held is not None and (held.right or Guard.RIGHT not in self._guards) else None

    def _released(self, queue: QueueState, call: Finish | Requeue) -> Word:
        held = self._acting(queue, call.inc)
        if held is None:
            return Word.GONE
        token = held.tokens.get(call.job_id)
        if token is None or (token != call.token and Guard.TOKEN in self._guards):
            return Word.LOST
        del held.tokens[call.job_id]
        return Word.OK

    def _end(self, queue: QueueState, job_id: str, how: Ended, *, keep: bool = True) -> None:
        payload = queue.payloads.pop(job_id)
        queue.notes.pop(job_id, None)
        queue.cancels.discard(job_id)
        if keep:
            queue.results[job_id] = End(how, self._clock.now + RESULT_KEPT)
        else:
            queue.tombstones[job_id] = End(how, self._clock.now + TOMBSTONE_KEPT)
        if how is Ended.DEAD:
            queue.letters[job_id] = payload

    def _returned(self, queue: QueueState, job_id: str) -> None:
        if Guard.CANCEL_STAYS not in self._guards:
            queue.cancels.discard(job_id)

    def _to_head(self, queue: QueueState, lane: Lane, job_id: str) -> None:
        queued, priority = queue.queued[lane], queue.note(job_id).priority
        level = self._score(priority, 0)
        scores = [score for score in queued.values() if level <= score < level + LEVEL]
        queued[job_id] = min(scores) - 1 if scores else level + self._stamp(queue)

    def beat(self, call: Beat) -> Beaten:
        queue = self._opened(call.shard)
        held = self._acting(queue, call.inc)
        renews = held is not None and call.inc in queue.leases
        if renews or Guard.BEAT_XX not in self._guards:
            queue.leases[call.inc] = self._clock.now + LEASE
        if held is None:
            return Beaten(Word.GONE)
        return Beaten(Word.OK, len(held.tokens), frozenset(queue.cancels.intersection(held.tokens)))

    def retire(self, call: Retire) -> Word:
        queue = self._opened(call.shard)
        held = self._acting(queue, call.inc)
        if held is None:
            return Word.GONE
        if held.tokens and Guard.RETIRE_EMPTY in self._guards:
            return Word.HOLDS
        self._leave(queue, call.inc)
        queue.gone[call.inc] = self._clock.now
        return Word.OK

    @staticmethod
    def _leave(queue: QueueState, inc: str) -> None:
        del queue.held[inc]
        queue.leases.pop(inc, None)

    def reconcile(self, call: Reconcile) -> Reconciled:
        queue = self._opened(call.shard)
        held = self._acting(queue, call.inc)
        if held is None:
            return Reconciled(Word.GONE)
        strange = [
            (number_of(token), job_id, lane_of(token))
            for job_id, token in held.tokens.items()
            if self._is_meant(call, token) and call.known.get(job_id) != token
        ]
        for _, job_id, lane in sorted(strange, reverse=True):
            del held.tokens[job_id]
            self._returned(queue, job_id)
            self._to_head(queue, lane, job_id)
        missing = tuple(job_id for job_id, token in call.known.items() if held.tokens.get(job_id) != token)
        return Reconciled(Word.OK, missing)

    def _is_meant(self, call: Reconcile, token: str) -> bool:
        lane = lane_of(token)
        upto = call.upto[lane] if Guard.RECONCILE_LANES in self._guards else max(call.upto.values())
        above = call.above[lane] if Guard.RECONCILE_RANGES in self._guards else 0
        return above < number_of(token) <= upto

    def recover(self, call: Recover) -> Word:
        queue = self._opened(call.shard)
        held = queue.held.get(call.inc)
        if held is None:
            return Word.DONE
        if not call.forced and queue.leases.get(call.inc, 0) >= self._clock.now:
            return Word.ALIVE
        held.right = False
        queue.leases[call.inc] = 0
        queue.gone[call.inc] = self._clock.now
        page = sorted(held.tokens.items(), key=lambda one: (number_of(one[1]), one[0]))[: call.limit]
        for job_id, token in reversed(page):
            del held.tokens[job_id]
            self._crashed(queue, job_id, token)
        if held.tokens:
            return Word.MORE
        self._leave(queue, call.inc)
        return Word.DONE

    def _crashed(self, queue: QueueState, job_id: str, token: str) -> None:
        self._returned(queue, job_id)
        note = queue.note(job_id)
        queue.notes[job_id] = replace(note, crashes=note.crashes + 1)
        self._to_head(queue, lane_of(token) if Guard.RECOVER_LANE in self._guards else Lane.IO, job_id)

    # ---- people -----------------------------------------------------------------------------------------------

    def cancel(self, call: Cancel) -> Word:
        queue = self._opened(call.shard)
        for waiting in (*queue.queued.values(), *queue.deferred.values()):
            if waiting.pop(call.job_id, None) is not None:
                self._end(queue, call.job_id, Ended.CANCELLED)
                return Word.DONE
        if call.job_id not in queue.payloads:
            return Word.NONE
        queue.cancels.add(call.job_id)
        return Word.ASKED

    def look(self, call: Look) -> Seen:
        queue = self._opened(call.shard)
        if call.job_id in queue.payloads:
            return Seen(Word.IN)
        end = queue.results.get(call.job_id)
        return Seen(Word.NONE) if end is None else Seen(Word.DONE, end.how)

    def promote(self, call: Promote) -> Word:
        queue = self._opened(call.shard)
        for lane, deferred in queue.deferred.items():
            if deferred.pop(call.job_id, None) is not None:
                priority = queue.note(call.job_id).priority
                queue.queued[lane][call.job_id] = self._score(priority, self._stamp(queue))
                return Word.OK
        return Word.NONE

    def pause(self, call: Pause) -> Word:
        self._opened(call.shard).paused = call.paused
        return Word.OK

    def purge(self, call: Purge) -> Word:
        queue = self._opened(call.shard)
        for job_id in queue.ordered(call.lane)[: call.limit]:
            del queue.queued[call.lane][job_id]
            del queue.payloads[job_id]
            queue.notes.pop(job_id, None)
            queue.cancels.discard(job_id)
            if Guard.PURGE_LEAVES_TOMBSTONES in self._guards:
                queue.tombstones[job_id] = End(Ended.CANCELLED, self._clock.now + TOMBSTONE_KEPT)
        return Word.OK

    def revive(self, call: Revive) -> Enqueued:
        queue = self._opened(call.shard)
        refused = self._refused(queue, call.shards) if Guard.REVIVE_SHARDS in self._guards else None
        if refused is not None:
            return refused
        if call.only_asks and queue.shards is not None and queue.shards < call.shards:
            return Enqueued(Word.WAIT)  # an older revive could still come
        payload = queue.letters.get(call.job_id)
        if payload is None:
            return Enqueued(Word.NONE)
        result = queue.results.get(call.job_id)
        if call.job_id in queue.payloads or (result is not None and result.how is not Ended.DEAD):
            return Enqueued(Word.EXISTED)
        if call.only_asks:
            return Enqueued(Word.IN)
        del queue.letters[call.job_id]
        queue.results.pop(call.job_id, None)
        queue.payloads[call.job_id] = payload
        queue.queued[Lane.IO][call.job_id] = self._score(0, self._stamp(queue))
        return Enqueued(Word.IN)

    def discard(self, call: Discard) -> Word:
        queue = self._opened(call.shard)
        if queue.letters.get(call.job_id) == call.payload:
            del queue.letters[call.job_id]
        return Word.OK

    def set_shards(self, call: SetShards) -> Word:
        queue = self._opened(call.shard)
        if queue.shards is not None and queue.shards >= call.shards:
            return Word.OK
        queue.shards, queue.before = call.shards, call.before
        return Word.SET

    # ---- time -------------------------------------------------------------------------------------------------

    def _opened(self, shard: int) -> QueueState:
        """The keys of a shard, without what has expired or been trimmed."""
        queue, now = self._queues[shard], self._clock.now
        for ends in (queue.results, queue.tombstones):
            for job_id in [job_id for job_id, end in ends.items() if end.until < now]:
                del ends[job_id]
        for call in [call for call, until in queue.barred.items() if until < now]:
            del queue.barred[call]
        for inc in [inc for inc, since in queue.gone.items() if since + MARK_KEPT < now]:
            del queue.gone[inc]
        return queue
