"""The real scripts through their own bindings, on a real Redis, behind the boundary of the model's.

What the model's state has and the scripts have not yet (shards, transfers, priorities) is left out of their worlds by
the setting. A script is called as its worker or producer calls it; only a recovery stops after each of its calls.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import redis as blocking_redis

from monarq.shared.errors import EnqueueUnknownError
from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.jobs.abort import abort
from monarq.shared.formats.native.jobs.claim import Claim as AskedClaim
from monarq.shared.formats.native.jobs.claim import IncarnationGoneError, claim
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.jobs.find import find_results
from monarq.shared.formats.native.jobs.finish import KEPT_MS, finish
from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.formats.native.jobs.promote import promote
from monarq.shared.formats.native.jobs.requeue import requeue, requeue_crashed
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.pause import pause, resume
from monarq.shared.formats.native.queues.purge import purge
from monarq.shared.formats.native.workers import leases
from monarq.shared.formats.native.workers.leases import worker_of
from monarq.shared.lane import Lane as RealLane
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol import acks
from monarq.shared.protocol.answers import AbortAnswer, Promoted, Revived
from monarq.shared.protocol.enqueue import Enqueued as Code
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.producer_queue import Unfinished
from monarq.shared.protocol.queue_ref import QueueRef
from tests.model.native.calls import (
    Abort,
    Beat,
    Beaten,
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
from tests.model.native.terms import EPOCH, LEASE, MAX_CRASHES, RESULT_KEPT, Ended, Lane, Return, lane_of
from tests.model.native.virtual_redis import Dump, VirtualRedis
from tests.model.stopped_scripts import now

SECOND_MS: Final = 3_333
"""Ms of Redis' time that a second of the model takes: an enqueue is repeated for 100 s, as producers do."""

_EPOCH_MS: Final = EPOCH * 1000
_FOR_LONG_MS: Final = 10**10
_MOST_BYTES: Final = 10**6
_QUEUE: Final[dict[Lane, LaneQueue]] = {Lane.IO: "io", Lane.CPU: "cpu"}
_REAL_LANE: Final = {Lane.IO: RealLane.IO, Lane.CPU: RealLane.CPU}


@dataclass(slots=True)
class RealState(QueueState):
    """What Redis holds; `dump` is all of it, to go back to."""

    dump: Dump = field(default_factory=list)


class _Keys(NativeKeys):
    """Keys whose counters are flushed by the model's clock."""

    def __init__(self, clock: Clock) -> None:
        super().__init__("q")
        self._clock = clock
        self._flushed_at = 0

    def take_flush(self) -> bool:
        """Whether this is the first call of a second."""
        is_due = self._clock.now != self._flushed_at
        self._flushed_at = self._clock.now
        return is_due


class RealScripts:
    """A queue of one shard.

    Args:
        client: a connection of its own; its database is emptied.
        clock: the model's time.
        guards: what actors heed; the scripts heed all.
        opened, shards: there is one.
    """

    def __init__(
        self, client: blocking_redis.Redis, clock: Clock, guards: Collection[Guard], opened: int, shards: int
    ) -> None:
        assert (opened, shards) == (1, 1), "the scripts have no shards yet"
        self._clock = clock
        self._redis: Any = VirtualRedis(client, lambda: self._ms(clock.now))
        self._keys = _Keys(clock)
        self._seen: Dump = []
        self._state = RealState(shards=1)

    # ---- jobs -------------------------------------------------------------------------------------------------

    def enqueue(self, call: Enqueue) -> Enqueued:
        made = "~" in call.job_id
        mode = EnqueueMode.REPEATED if call.again else EnqueueMode.NEW if made else EnqueueMode.NAMED
        due_ms = 0 if call.due is None else self._ms(call.due)
        placement = Placement(_REAL_LANE[call.lane], due_ms=due_ms, name="send")
        jobs = [(call.job_id, _payload(call.payload))]
        until_ms = self._ms(call.until)
        try:
            reply = now(enqueue(self._redis, self._keys, call.call, placement, mode, jobs, until_ms=until_ms))
        except EnqueueUnknownError:
            return Enqueued(Word.TOO_LATE)
        if not reply.now_ms:
            return Enqueued(Word.BARRED)
        return Enqueued({Code.ADDED: Word.IN, Code.EXISTED: Word.EXISTED, Code.ENDED: Word.UNKNOWN}[reply.codes[0]])

    def claim(self, call: Claim) -> Claimed:
        asked = AskedClaim(
            incarnation=call.inc,
            worker=worker_of(call.inc),
            lane_queue=_QUEUE[call.lane],
            number=call.number,
            limit=call.limit,
            lease_ms=LEASE * SECOND_MS,
            max_payload=_MOST_BYTES,
            alone=MAX_CRASHES - 1,
            is_first=call.first,
            is_repeated=call.again,
        )
        try:
            reply = now(claim(self._redis, self._keys, asked))
        except IncarnationGoneError:
            return Claimed(Word.GONE)
        nothing = [None] * len(reply.ids)
        jobs = zip(reply.ids, reply.payloads, reply.notes or nothing, reply.aborts or nothing, strict=True)
        return Claimed(Word.OK, tuple(_taken(*job) for job in jobs), 1)

    def finish(self, call: Finish) -> Word:
        ends = [self._end(call)]
        return self._ended(
            lambda: finish(self._redis, self._keys, call.inc, ends, max_dead=10_000, lanes={}, with_results=call.keep),
            lambda reply: reply.lost,
        )

    def _end(self, call: Finish) -> acks.Finish:
        kept_ms = KEPT_MS if "~" in call.job_id else RESULT_KEPT * SECOND_MS
        return acks.Finish(
            _lease(call.job_id, call.token, call.payload),
            success=call.how is Ended.DONE,
            result=_result(call.how, call.payload),
            keep_ms=kept_ms if call.keep else -1,
            name="send",
            dead_letter=json.dumps({"home": "io"}).encode() if call.how is Ended.DEAD else b"",
            keep_dead_ms=_FOR_LONG_MS,
            aborted=call.how is Ended.ABORTED,
        )

    def requeue(self, call: Requeue) -> Word:
        lease = _lease(call.job_id, call.token, call.payload)
        if call.why is Return.CRASH:
            crashes = [acks.Crash(lease, "killed")]
            return self._ended(lambda: requeue_crashed(self._redis, self._keys, call.inc, crashes), list)
        due_ms = 0 if call.due is None else self._ms(call.due)
        tries = call.tries if call.why is Return.RETRY else None
        back = [acks.Requeue(lease, _QUEUE[call.lane], due_ms, 0, tries, name="send", note="again")]
        return self._ended(lambda: requeue(self._redis, self._keys, call.inc, back), list)

    @staticmethod
    def _ended(end: Any, lost_of: Any) -> Word:
        try:
            return Word.LOST if lost_of(now(end())) else Word.OK
        except IncarnationGoneError:
            return Word.GONE

    def look(self, call: Look) -> Seen:
        [found] = now(find_results(self._redis, self._keys, [call.job_id]))
        if isinstance(found, Unfinished):
            return Seen(Word.IN if found is Unfinished.ALIVE else Word.NONE)
        return Seen(Word.DONE, _how(_text(found)))

    # ---- workers ----------------------------------------------------------------------------------------------

    def beat(self, call: Beat) -> Beaten:
        try:
            reply = leases.beat(self._redis.blocking, self._keys, call.inc, LEASE * SECOND_MS)
        except IncarnationGoneError:
            return Beaten(Word.GONE)
        return Beaten(Word.OK, reply.held, frozenset(raw_id.decode() for raw_id in reply.aborts))

    def retire(self, call: Retire) -> Word:
        try:
            return Word.HOLDS if now(leases.retire(self._redis, self._keys, call.inc)) else Word.OK
        except IncarnationGoneError:
            return Word.GONE

    def reconcile(self, call: Reconcile) -> Reconciled:
        claims = [number for lane in Lane for number in (call.above[lane] + 1, call.upto[lane])]
        known = [(job_id.encode(), token) for job_id, token in call.known.items()]
        try:
            _, missing = now(leases.reconcile(self._redis, self._keys, call.inc, claims, known))
        except IncarnationGoneError:
            return Reconciled(Word.GONE)
        return Reconciled(Word.OK, tuple(raw_id.decode() for raw_id in missing))

    def recover(self, call: Recover) -> Word:
        arguments = (call.inc, worker_of(call.inc), int(call.forced), "killed", LEASE * SECOND_MS, call.limit)
        reply = now(leases._RECOVER.run_on(self._redis, self._keys, arguments, incarnation=call.inc))
        if reply[0] < 0:
            return Word.ALIVE
        return Word.MORE if reply[1] else Word.DONE

    # ---- people -----------------------------------------------------------------------------------------------

    def abort(self, call: Abort) -> Word:
        answer = now(abort(self._redis, self._keys, call.job_id, keep_ms=RESULT_KEPT * SECOND_MS))
        return {AbortAnswer.UNKNOWN: Word.NONE, AbortAnswer.RUNS: Word.ASKED, AbortAnswer.ENDED: Word.DONE}[answer]

    def promote(self, call: Promote) -> Word:
        answer = now(promote(self._redis, self._keys, call.job_id.encode()))
        return Word.OK if answer is Promoted.DUE else Word.NONE

    def pause(self, call: Pause) -> Word:
        now((pause if call.paused else resume)(self._redis, self._keys))
        return Word.OK

    def purge(self, call: Purge) -> Word:
        now(purge(self._redis, self._keys, _QUEUE[call.lane], "queued", limit=call.limit))
        return Word.OK

    def revive(self, call: Revive) -> Enqueued:
        [answer] = now(revive(self._redis, self._keys, [call.job_id.encode()]))
        return Enqueued({Revived.BACK: Word.IN, Revived.ALIVE: Word.EXISTED}.get(answer, Word.NONE))

    # ---- not there yet ----------------------------------------------------------------------------------------

    def find(self, call: Find) -> Word:
        raise NotImplementedError(call)

    def forget(self, call: Forget) -> Word:
        raise NotImplementedError(call)

    def discard(self, call: Discard) -> Word:
        raise NotImplementedError(call)

    def set_shards(self, call: SetShards) -> Word:
        raise NotImplementedError(call)

    # ---- state ------------------------------------------------------------------------------------------------

    def state(self, shard: int) -> RealState:
        if self._redis.found != self._seen:
            self._seen = self._redis.found
            self._state = self._read(self._seen)
        return self._state

    def restore(self, shard: int, state: QueueState) -> None:
        assert isinstance(state, RealState)
        self._redis.load(state.dump)

    def _read(self, dump: Dump) -> RealState:
        prefix = self._keys.key("meta").removesuffix("meta")
        found = {_text(key).removeprefix(prefix): dict(_pairs(list(map(_text, flat)))) for key, _, flat in dump}
        hashes = {name: {one: other for one, other in values.items() if one != "\0"} for name, values in found.items()}

        def of(name: str) -> dict[str, str]:
            return hashes.get(name, {})

        def ring(letter: str, size: int) -> dict[str, str]:
            return {one: other for at in range(size) for one, other in of(f"{letter}{at}").items()}

        return RealState(
            shards=1,
            paused="paused" in of("meta"),
            last=int(of("meta").get("last", 0)),
            payloads={job_id: _number(payload) for job_id, payload in of("payloads").items()},
            ready={Lane.IO: _scores(of("ready")), Lane.CPU: _scores(of("ready:cpu"))},
            deferred={Lane.IO: self._times(of("deferred")), Lane.CPU: self._times(of("deferred:cpu"))},
            held={name.removeprefix("held:"): _held(it) for name, it in found.items() if name.startswith("held:")},
            leases=self._times(of("leases")),
            gone=self._times(of("gone")),
            notes={job_id: _note(note) for job_id, note in of("notes").items()},
            aborts=set(of("aborts")),
            barred={call: float(self._second(at)) for call, at in of("barred").items()},
            results={one: End(_how(result), 0) for one, result in (ring("r", 8) | of("kept")).items()},
            tombstones={one: End(Ended.DONE, 0) for one in ring("t", 3)},
            letters={job_id: _number(payload) for job_id, payload in of("letters:p").items()},
            dump=dump,
        )

    def _times(self, scores: dict[str, str]) -> dict[str, int]:
        return {member: self._second(score) for member, score in scores.items()}

    def _second(self, score: str) -> int:
        return EPOCH + (int(float(score)) - _EPOCH_MS) // SECOND_MS if float(score) else 0

    @staticmethod
    def _ms(second: int) -> int:
        return _EPOCH_MS + (second - EPOCH) * SECOND_MS


def _payload(number: int) -> bytes:
    """Some are so large that they are noted."""
    return b"%d:%s" % (number, b"x" * 17_000 * (number % 8 == 0))


def _number(payload: str) -> int:
    return int(payload.partition(":")[0])


def _result(how: Ended, payload: int) -> bytes:
    return f"{how.value}:{payload}".encode()


def _how(result: str) -> Ended:
    how, colon, _ = result.partition(":")
    return Ended(how) if colon and how in set(Ended) else Ended.ABORTED  # what an abort leaves is a real result


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _note(note: str) -> Note:
    read = read_note(note.encode())
    return Note(read.tries, read.crashes)


def _taken(raw_id: bytes, payload: Any, note: bytes | None, abort: bytes | None) -> Taken:
    read = read_note(note)
    return Taken(raw_id.decode(), _number(payload.decode()), read.tries, read.crashes, aborted=abort is not None)


def _lease(job_id: str, token: str, payload: int) -> Lease:
    raw_id, lane_queue = job_id.encode(), _QUEUE[lane_of(token)]
    return Lease(QueueRef("q", "native"), raw_id, job_id, token, lane_queue, _payload(payload), 0, 0, "", 0, None, 0)


def _held(fields: dict[str, str]) -> Held:
    newest = {lane: int(fields.get(f"\0{lane.value}", 0)) for lane in Lane}
    return Held("\0" in fields, newest, {one: token for one, token in fields.items() if one[0] != "\0"})


def _scores(scores: dict[str, str]) -> dict[str, int]:
    return {member: int(float(score)) for member, score in scores.items()}


def _pairs(flat: Sequence[str]) -> Iterator[tuple[str, str]]:
    return zip(flat[::2], flat[1::2], strict=True)
