"""The real scripts through their own bindings, on a real Redis, behind the boundary of the model's.

What the model's state has and the scripts have not yet (shards, priorities) is left out of their worlds by the setting.
A script is called as its worker or producer calls it; only a recovery stops after each of its calls.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import redis as blocking_redis

from monarq.shared.errors import EnqueueUnknownError
from monarq.shared.formats.native.dead.discard import discard
from monarq.shared.formats.native.dead.revive import revive
from monarq.shared.formats.native.jobs.cancel import cancel
from monarq.shared.formats.native.jobs.claim import Claim as AskedClaim
from monarq.shared.formats.native.jobs.claim import IncarnationGoneError, claim
from monarq.shared.formats.native.jobs.enqueue import enqueue
from monarq.shared.formats.native.jobs.find import find_results
from monarq.shared.formats.native.jobs.finish import KEPT_MS, finish
from monarq.shared.formats.native.jobs.look import LookMode, look, unmark
from monarq.shared.formats.native.jobs.notes import read_note
from monarq.shared.formats.native.jobs.promote import promote
from monarq.shared.formats.native.jobs.requeue import requeue, requeue_crashed
from monarq.shared.formats.native.keys import NativeKeys
from monarq.shared.formats.native.queues.pause import pause, resume
from monarq.shared.formats.native.queues.purge import purge
from monarq.shared.formats.native.queues.shards import Told, tell_shard
from monarq.shared.formats.native.shards import MoreShardsError, ShardNotReadyError, Shards, tags_of
from monarq.shared.formats.native.transfer.target import NativeMoveTarget
from monarq.shared.formats.native.workers import leases
from monarq.shared.formats.native.workers.fleet import QueueRegistrar
from monarq.shared.formats.native.workers.leases import worker_of
from monarq.shared.lane import Lane as RealLane
from monarq.shared.lane import LaneQueue
from monarq.shared.protocol import acks
from monarq.shared.protocol.answers import CancelAnswer, Promoted, Revived
from monarq.shared.protocol.enqueue import Enqueued as Code
from monarq.shared.protocol.enqueue import EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from monarq.shared.protocol.producer_queue import Unfinished
from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.protocol.transfer import Marks, MovedJob, Put
from monarq.shared.protocol.transfer_notes import mark_of
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
from tests.model.native.model_time import SECOND_MS, ms_of, second_of
from tests.model.native.state import End, Held, Note, QueueState
from tests.model.native.terms import LEASE, MAX_CRASHES, RESULT_KEPT, Ended, Lane, Return, lane_of
from tests.model.native.virtual_redis import Dump, VirtualRedis
from tests.model.stopped_scripts import now

_FOR_LONG_MS: Final = 10**10
_ELSEWHERE: Final = QueueRef("old", "arq")
_MOST_BYTES: Final = 10**6
_QUEUE: Final[dict[Lane, LaneQueue]] = {Lane.IO: "io", Lane.CPU: "cpu"}
_WORDS: Final = {Code.ADDED: Word.IN, Code.EXISTED: Word.EXISTED, Code.ENDED: Word.UNKNOWN}
_REAL_LANE: Final = {Lane.IO: RealLane.IO, Lane.CPU: RealLane.CPU}


@dataclass(slots=True)
class RealState(QueueState):
    """What Redis holds; `dump` is all of it, to go back to."""

    dump: Dump = field(default_factory=list)


class _Keys(NativeKeys):
    """Keys whose counters are flushed by the model's clock."""

    def __init__(self, clock: Clock, tag: str) -> None:
        super().__init__(tag)
        self._clock = clock
        self._flushed_at = 0

    def take_flush(self) -> bool:
        """Whether this is the first call of a second."""
        is_due = self._clock.now != self._flushed_at
        self._flushed_at = self._clock.now
        return is_due


class _NoList(QueueRegistrar):
    """Queues are listed for people alone."""

    async def register(self, redis: Any, queues: Iterable[str]) -> None:
        """Lists none."""


class RealScripts:
    """A queue, of one shard or of several.

    Args:
        client: a connection of its own; its database is emptied.
        clock: the model's time.
        guards: what actors heed; the scripts heed all.
        opened: how many shards there are at first.
        shards: how many there may be.
    """

    def __init__(
        self, client: blocking_redis.Redis, clock: Clock, guards: Collection[Guard], opened: int, shards: int
    ) -> None:
        self._clock = clock
        self._redis: Any = VirtualRedis(client, lambda: ms_of(clock.now))
        self._keys = [_Keys(clock, tag) for tag in tags_of("q", shards)]
        self._is_sharded = shards > 1
        for tag in tags_of("q", opened if self._is_sharded else 0):
            now(tell_shard(self._redis, tag, Shards(opened, opened=opened)))
        self._target = NativeMoveTarget("q")
        self._target._keys = self._keys[0]
        self._target._registrar = _NoList()
        self._moved: dict[str, MovedJob] = {}
        self._seen: list[Dump] = [[] for _ in range(shards)]
        self._states = [RealState(shards=1) for _ in range(shards)]

    # ---- jobs -------------------------------------------------------------------------------------------------

    def enqueue(self, call: Enqueue) -> Enqueued:
        if call.marked and not call.call.startswith("revive:"):
            return self._arrive(call)
        made = "~" in call.job_id
        mode = EnqueueMode.REPEATED if call.again else EnqueueMode.NEW if made else EnqueueMode.NAMED
        due_ms = 0 if call.due is None else ms_of(call.due)
        placement = Placement(_REAL_LANE[call.lane], due_ms=due_ms, name="send")
        jobs = [(call.job_id, _payload(call.payload))]
        until_ms = ms_of(call.until)
        try:
            reply = now(
                enqueue(
                    *(self._redis, self._keys[call.shard], call.call, placement, mode, jobs),
                    until_ms=until_ms,
                    shards=call.shards,
                    is_marked=call.marked,
                )
            )
        except EnqueueUnknownError:
            return Enqueued(Word.TOO_LATE)
        except MoreShardsError as error:
            return _told(error)
        except ShardNotReadyError:
            return Enqueued(Word.WAIT)
        if not reply.now_ms:
            return Enqueued(Word.BARRED)
        return Enqueued(_WORDS[reply.codes[0]])

    def _arrive(self, call: Enqueue) -> Enqueued:
        job = MovedJob(
            call.job_id.encode(),
            _payload(call.payload),
            _QUEUE[call.lane],
            ms_of(call.due or 0),
            tries=call.tries,
            crashes=call.crashes,
            cancel_asked_ms=ms_of(self._clock.now) if call.cancelled else None,
        )
        self._moved[call.call] = job
        [answer] = now(self._target.put(self._redis, _ELSEWHERE, [job], ms_of(call.until - LEASE)))
        words = {Put.ADDED: Word.IN, Put.WAS_IN: Word.IN, Put.LATE: Word.TOO_LATE}
        return Enqueued(words.get(answer, Word.EXISTED))

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
            shards=call.shards,
        )
        try:
            reply = now(claim(self._redis, self._keys[call.shard], asked))
        except IncarnationGoneError:
            return Claimed(Word.GONE)
        except MoreShardsError as error:
            return Claimed(Word.SHARDS, shards=error.shards.count)
        nothing = [None] * len(reply.ids)
        jobs = zip(reply.ids, reply.payloads, reply.notes or nothing, reply.cancels or nothing, strict=True)
        return Claimed(Word.OK, tuple(_taken(*job) for job in jobs))

    def finish(self, call: Finish) -> Word:
        ends = [self._end(call)]
        return self._ended(
            lambda: finish(
                self._redis, self._keys[call.shard], call.inc, ends, max_dead=10_000, lanes={}, with_results=call.keep
            ),
            lambda reply: reply.lost,
        )

    def _end(self, call: Finish) -> acks.Finish:
        kept_ms = KEPT_MS if "~" in call.job_id else RESULT_KEPT * SECOND_MS
        return acks.Finish(
            _lease(call.job_id, call.token, call.payload),
            success=call.how is Ended.SUCCEEDED,
            result=_result(call.how, call.payload),
            keep_ms=kept_ms if call.keep else -1,
            name="send",
            dead_letter=json.dumps({"home": "io"}).encode() if call.how is Ended.DEAD else b"",
            keep_dead_ms=_FOR_LONG_MS,
            cancelled=call.how is Ended.CANCELLED,
        )

    def requeue(self, call: Requeue) -> Word:
        lease = _lease(call.job_id, call.token, call.payload)
        if call.why is Return.CRASH:
            crashes = [acks.Crash(lease, "killed")]
            return self._ended(lambda: requeue_crashed(self._redis, self._keys[call.shard], call.inc, crashes), list)
        due_ms = 0 if call.due is None else ms_of(call.due)
        tries = call.tries if call.why is Return.RETRY else None
        back = [acks.Requeue(lease, _QUEUE[call.lane], due_ms, 0, tries, name="send", note="again")]
        return self._ended(lambda: requeue(self._redis, self._keys[call.shard], call.inc, back), list)

    @staticmethod
    def _ended(end: Any, lost_of: Any) -> Word:
        try:
            return Word.LOST if lost_of(now(end())) else Word.OK
        except IncarnationGoneError:
            return Word.GONE

    def look(self, call: Look) -> Seen:
        [found] = now(find_results(self._redis, self._keys[call.shard], [call.job_id]))
        if isinstance(found, Unfinished):
            return Seen(Word.IN if found is Unfinished.ALIVE else Word.NONE)
        return Seen(Word.DONE, _how(_text(found)))

    # ---- workers ----------------------------------------------------------------------------------------------

    def beat(self, call: Beat) -> Beaten:
        try:
            reply = leases.beat(self._redis.blocking, self._keys[call.shard], call.inc, LEASE * SECOND_MS)
        except IncarnationGoneError:
            return Beaten(Word.GONE)
        return Beaten(Word.OK, reply.held, frozenset(raw_id.decode() for raw_id in reply.cancels))

    def retire(self, call: Retire) -> Word:
        try:
            return Word.HOLDS if now(leases.retire(self._redis, self._keys[call.shard], call.inc)) else Word.OK
        except IncarnationGoneError:
            return Word.GONE

    def reconcile(self, call: Reconcile) -> Reconciled:
        claims = [number for lane in Lane for number in (call.above[lane] + 1, call.upto[lane])]
        known = [(job_id.encode(), token) for job_id, token in call.known.items()]
        try:
            _, missing = now(leases.reconcile(self._redis, self._keys[call.shard], call.inc, claims, known))
        except IncarnationGoneError:
            return Reconciled(Word.GONE)
        return Reconciled(Word.OK, tuple(raw_id.decode() for raw_id in missing))

    def recover(self, call: Recover) -> Word:
        arguments = (call.inc, worker_of(call.inc), int(call.forced), "killed", LEASE * SECOND_MS, call.limit)
        reply = now(leases._RECOVER.run_on(self._redis, self._keys[call.shard], arguments, incarnation=call.inc))
        if reply[0] < 0:
            return Word.ALIVE
        return Word.MORE if reply[1] else Word.DONE

    # ---- people -----------------------------------------------------------------------------------------------

    def cancel(self, call: Cancel) -> Word:
        answer = now(cancel(self._redis, self._keys[call.shard], call.job_id, keep_ms=RESULT_KEPT * SECOND_MS))
        return {CancelAnswer.UNKNOWN: Word.NONE, CancelAnswer.RUNS: Word.ASKED, CancelAnswer.ENDED: Word.DONE}[answer]

    def promote(self, call: Promote) -> Word:
        answer = now(promote(self._redis, self._keys[call.shard], call.job_id.encode()))
        return Word.OK if answer is Promoted.DUE else Word.NONE

    def pause(self, call: Pause) -> Word:
        now((pause if call.paused else resume)(self._redis, self._keys[call.shard]))
        return Word.OK

    def purge(self, call: Purge) -> Word:
        now(purge(self._redis, self._keys[call.shard], _QUEUE[call.lane], "queued", limit=call.limit))
        return Word.OK

    def revive(self, call: Revive) -> Enqueued:
        keys, raw_ids = self._keys[call.shard], [call.job_id.encode()]
        try:
            [answer] = now(revive(self._redis, keys, raw_ids, call.shards, only_asks=call.only_asks))
        except MoreShardsError as error:
            return _told(error)
        except ShardNotReadyError:
            return Enqueued(Word.WAIT)
        return Enqueued({Revived.BACK: Word.IN, Revived.ALIVE: Word.EXISTED}.get(answer, Word.NONE))

    # ---- shards -----------------------------------------------------------------------------------------------

    def find(self, call: Find) -> Enqueued:
        mode: LookMode = "marked" if call.marked else "again" if call.again else "named"
        job = (call.job_id, _payload(call.payload))
        try:
            found = now(look(self._redis, self._keys[call.shard], call.call, call.shards, mode, *job))
        except MoreShardsError as error:
            return _told(error)
        except ShardNotReadyError:
            return Enqueued(Word.WAIT)
        return Enqueued(Word.FREE if found is None else _WORDS[found])

    def forget(self, call: Forget) -> Word:
        if call.call in self._moved:
            mark = mark_of(_ELSEWHERE, self._moved[call.call])
            now(self._target.forget(self._redis, Marks(2**52, (mark,))))
        else:
            now(unmark(self._redis, self._keys[call.shard], call.call))
        return Word.OK

    def discard(self, call: Discard) -> Word:
        now(discard(self._redis, self._keys[call.shard], [call.job_id.encode()]))
        return Word.OK

    def set_shards(self, call: SetShards) -> Word:
        shards = Shards(call.shards, (call.before,), opened=call.shards)
        told = now(tell_shard(self._redis, self._keys[call.shard].tag, shards))
        return Word.SET if told is Told.NEWS else Word.OK

    # ---- state ------------------------------------------------------------------------------------------------

    def state(self, shard: int) -> RealState:
        dump = self._dump_of(shard)
        if dump != self._seen[shard]:
            self._seen[shard] = dump
            self._states[shard] = self._read(shard, dump)
        return self._states[shard]

    def restore(self, shard: int, state: QueueState) -> None:
        assert isinstance(state, RealState)
        others = [key for at in range(len(self._keys)) if at != shard for key in self._dump_of(at)]
        self._redis.load([*others, *state.dump])

    def _dump_of(self, shard: int) -> Dump:
        prefix = self._prefix(shard).encode()
        return [key for key in self._redis.found if key[0].startswith(prefix)]

    def _prefix(self, shard: int) -> str:
        return self._keys[shard].key("meta").removesuffix("meta")

    def _read(self, shard: int, dump: Dump) -> RealState:
        prefix = self._prefix(shard)
        found = {_text(key).removeprefix(prefix): dict(_pairs(list(map(_text, flat)))) for key, _, flat in dump}
        hashes = {name: {one: other for one, other in values.items() if one != "\0"} for name, values in found.items()}

        def of(name: str) -> dict[str, str]:
            return hashes.get(name, {})

        def ring(letter: str, size: int) -> dict[str, str]:
            return {one: other for at in range(size) for one, other in of(f"{letter}{at}").items()}

        told = Shards.read(of("meta").get("shards"), of("meta").get("before"), None)
        return RealState(
            shards=told.count if not self._is_sharded or "shards" in of("meta") else None,
            before=told.before[0] if told.before else 0,
            paused="paused" in of("meta"),
            last=int(of("meta").get("last", 0)),
            payloads={job_id: _number(payload) for job_id, payload in of("payloads").items()},
            queued={Lane.IO: _scores(of("queued")), Lane.CPU: _scores(of("queued:cpu"))},
            deferred={Lane.IO: self._times(of("deferred")), Lane.CPU: self._times(of("deferred:cpu"))},
            held={name.removeprefix("held:"): _held(it) for name, it in found.items() if name.startswith("held:")},
            leases=self._times(of("leases")),
            gone=self._times(of("gone")),
            notes={job_id: _note(note) for job_id, note in of("notes").items()},
            cancels=set(of("cancels")),
            barred={call: _barred(at) for call, at in of("barred").items()},
            results={one: End(_how(result), 0) for one, result in (ring("r", 8) | of("kept")).items()},
            tombstones={one: End(Ended.SUCCEEDED, 0) for one in ring("t", 3)},
            letters={job_id: _number(payload) for job_id, payload in of("letters:p").items()},
            dump=dump,
        )

    def _times(self, scores: dict[str, str]) -> dict[str, int]:
        return {member: self._second(score) for member, score in scores.items()}

    def _second(self, score: str) -> int:
        return second_of(float(score)) if float(score) else 0


def _barred(at: str) -> float:
    return math.inf if at == "inf" else float(second_of(float(at)))


def _told(error: MoreShardsError) -> Enqueued:
    shards = error.shards
    return Enqueued(Word.SHARDS, shards.count, shards.before[0] if shards.before else 0)


def _payload(number: int) -> bytes:
    """Some are so large that they are noted."""
    return b"%d:%s" % (number, b"x" * 17_000 * (number % 8 == 0))


def _number(payload: str) -> int:
    return int(payload.partition(":")[0])


def _result(how: Ended, payload: int) -> bytes:
    return f"{how.value}:{payload}".encode()


def _how(result: str) -> Ended:
    how, colon, _ = result.partition(":")
    return Ended(how) if colon and how in set(Ended) else Ended.CANCELLED  # what a cancellation leaves is a real result


def _text(raw: bytes) -> str:
    return raw.decode(errors="surrogateescape")


def _note(note: str) -> Note:
    read = read_note(note.encode())
    return Note(read.tries, read.crashes)


def _taken(raw_id: bytes, payload: Any, note: bytes | None, cancel: bytes | None) -> Taken:
    read = read_note(note)
    return Taken(raw_id.decode(), _number(payload.decode()), read.tries, read.crashes, cancelled=cancel is not None)


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
