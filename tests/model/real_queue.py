"""The real scripts through their own bindings, on a real Redis, with a clock that stands still.

A script knows of time only how far its scores, times and times to live are from its clock. So to let 100 s pass, all of
them are made 100 s less, and what has no time left is deleted: nothing that a script can see is different from having
waited. No sleep and no short lease makes a test depend on the machine's speed: only times to live run on by themselves,
and the shortest is many times what an example takes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import redis as blocking_redis

from monarq.shared.formats.arq import keys as names
from monarq.shared.formats.arq.jobs.cancel import cancel
from monarq.shared.formats.arq.jobs.claim import Claim, claim, release_claim
from monarq.shared.formats.arq.jobs.crash import requeue_crashed
from monarq.shared.formats.arq.jobs.enqueue import enqueue
from monarq.shared.formats.arq.jobs.finish import finish
from monarq.shared.formats.arq.jobs.promote import promote
from monarq.shared.formats.arq.jobs.requeue import requeue
from monarq.shared.formats.arq.keys import LEASED_MARK, PARKED_SCORE
from monarq.shared.formats.arq.queues.pause import pause, resume
from monarq.shared.formats.arq.queues.purge import purge
from monarq.shared.formats.arq.workers.recover import recover, sweep
from monarq.shared.formats.arq.workers.renew import renew
from monarq.shared.lane import Lane, LaneQueue
from monarq.shared.protocol.acks import Crash, Finish, Requeue
from monarq.shared.protocol.answers import CancelAnswer, Promoted
from monarq.shared.protocol.enqueue import Enqueued, EnqueueMode, Placement
from monarq.shared.protocol.lease import Lease
from tests.model.stopped_scripts import NOW_MS, StoppedScripts, now
from tests.model.terms import FRONT, LEASE_S, LETTER_S, RESULT_S, Job, Taken, shown
from tests.support.key_families import family_of
from tests.support.leases import lease_of
from tests.support.queue_state import KEYS, UNCOUNTED, Exactly, QueueState, Time

_PASS: Final = """
local by, parked = tonumber(ARGV[1]), tonumber(ARGV[2])
for _, key in ipairs(redis.call('KEYS', '*')) do
    local left = redis.call('PTTL', key)
    if left >= 0 and left <= by then
        redis.call('DEL', key)
    else
        if left >= 0 then
            redis.call('PEXPIRE', key, left - by)
        end
        if redis.call('TYPE', key).ok == 'zset' then
            local members = redis.call('ZRANGE', key, 0, -1, 'WITHSCORES')
            for i = 1, #members, 2 do
                local score = tonumber(members[i + 1])
                if score > 1 and score < parked then
                    redis.call('ZADD', key, string.format('%.1f', score - by), members[i])
                end
            end
        end
    end
end
"""


class RealQueue:
    """Takes and gives what `QueueModel` does."""

    def __init__(self, client: blocking_redis.Redis) -> None:
        self._client = client
        self._async: Any = StoppedScripts(client)
        self._pass = client.register_script(_PASS)
        client.flushdb()
        # Where 0 s is on the clock; the clock stays as time is made to pass.
        self._zero_ms = NOW_MS
        self._seen = b""
        self._state = QueueState()

    def pass_time(self, seconds: int) -> None:
        self._pass(keys=[], args=[seconds * 1000, PARKED_SCORE])
        self._async.found = None
        self._zero_ms -= seconds * 1000

    def enqueue(self, mode: EnqueueMode, job: Job) -> Enqueued:
        lane = Lane.CPU if job.lane_queue == "cpu" else Lane.IO
        placing = Placement(lane, 0, job.delay_s * 1000, job.ttl_s * 1000)
        return now(enqueue(self._async, KEYS, placing, mode, [(job.id, job.payload.encode())]))[0]

    def cancel(self, job_id: str) -> CancelAnswer:
        return now(cancel(self._async, KEYS, job_id))

    def promote(self, job_id: str) -> Promoted:
        return now(promote(self._async, KEYS, job_id.encode()))

    def purge_first(self, lane_queue: LaneQueue) -> tuple[int, int]:
        return now(purge(self._async, KEYS, lane_queue, "-inf", str(NOW_MS), 0, 1))

    def pause(self) -> None:
        now(pause(self._async, KEYS))

    def resume(self) -> None:
        now(resume(self._async, KEYS))

    def arq_moves(self, job_id: str) -> None:
        """arq/jobs.py, Job.abort: its transaction."""
        with self._client.pipeline(transaction=True) as pipe:
            pipe.zrem(KEYS.queue, job_id)
            pipe.zadd(KEYS.queue, {job_id: 1})
            pipe.execute()
        self._async.found = None

    def arq_asks(self, job_id: str) -> None:
        self._client.zadd(names.ABORT, {job_id: NOW_MS})
        self._async.found = None

    def claim(self, worker: str, token: str, lane_queue: LaneQueue, limit: int, alone: int | None) -> list[Taken]:
        asked = Claim(worker, token, lane_queue, LEASE_S * 1000, limit, 1000, alone)
        return [self._taken(worker, lease) for lease in now(claim(self._async, KEYS, asked)).leases]

    def _taken(self, worker: str, lease: Lease) -> Taken:
        payload = lease.payload.decode() if isinstance(lease.payload, bytes) else None
        asked_s = None if lease.cancel_asked_ms is None else self._seconds(lease.cancel_asked_ms)
        score = FRONT if lease.due_ms == 1 else self._seconds(lease.due_ms)
        return Taken(
            lease.job_id, worker, lease.token, lease.lane_queue, payload, lease.tries, lease.crashes, score, asked_s
        )

    def renew(self, worker: str, leases: Sequence[Taken]) -> list[str]:
        lost = renew(self._async.blocking, KEYS, worker, LEASE_S * 1000, b"{}", [_lease(one) for one in leases])
        return [raw_id.decode() for raw_id in lost]

    def finish(self, lease: Taken, success: bool, keep: bool, letter: bool) -> list[str]:
        result = f"result of {lease.token}".encode()
        why = b"why" if letter else b""
        keep_ms = RESULT_S * 1000 if keep else -1
        ending = Finish(_lease(lease), success, result, keep_ms, "send", why, LETTER_S * 1000)
        return [raw_id.decode() for raw_id in now(finish(self._async, KEYS, lease.worker, [ending], 100))]

    def requeue(self, lease: Taken, lane_queue: LaneQueue, due: float, tries: int | None) -> list[str]:
        due_ms = 1 if due == FRONT else self._zero_ms + int(due) * 1000
        back = Requeue(_lease(lease), lane_queue, due_ms, 0, tries)
        return [raw_id.decode() for raw_id in now(requeue(self._async, KEYS, lease.worker, [back]))]

    def crash(self, lease: Taken) -> list[str]:
        crashes = [Crash(_lease(lease), "killed")]
        return [raw_id.decode() for raw_id in now(requeue_crashed(self._async, KEYS, lease.worker, crashes))]

    def release_claim(self, worker: str, token: str) -> int:
        return now(release_claim(self._async, KEYS, worker, token))

    def recover(self, worker: str) -> list[str]:
        return [raw_id.decode() for raw_id in now(recover(self._async, KEYS, worker, "killed"))]

    def sweep(self) -> int:
        return now(sweep(self._async, KEYS))

    def state(self) -> QueueState:
        """What Redis holds of jobs, each set in its own order."""
        seen = self._async.look()
        if seen is not self._seen:
            self._seen, self._state = seen, self._read(seen)
        return self._state

    def _read(self, seen: bytes) -> QueueState:
        found: dict[str, Any] = {}
        for key, kind, value in json.loads(seen):
            family, name = family_of(key)
            if not family.attribute:
                continue
            if family.kind != kind:
                raise AssertionError(f"{key} is a {kind}")
            if family.attribute == "stats":
                found["stats"] = {one: other for one, other in _pairs(value).items() if one not in UNCOUNTED}
            elif kind == "zset":
                found[family.attribute] = {one: self._time(float(score)) for one, score in _pairs(value).items()}
            elif kind in ("string", "hash"):
                found.setdefault(family.attribute, {})[name] = _pairs(value) if kind == "hash" else value
        for letter in found.get("letters", {}).values():
            # No script reads it, so it was not moved; the set of the dead holds the same time.
            del letter["died_ms"]
        for marks in ("no_results", "given_up"):
            found[marks] = frozenset(found.get(marks, ()))
        # Marks for people and wake-ups are checked by the tables of each script.
        for informs in ("ended", "workers", "records", "queues"):
            found.pop(informs, None)
        return replace(QueueState(), **found)

    def _time(self, score: float) -> Time:
        return Exactly(score) if score == 1 or score >= PARKED_SCORE else self._seconds(score)

    def _seconds(self, score: float) -> float:
        """A score as the model shows it."""
        mark = score % 1
        return shown((int(score - mark) - self._zero_ms) // 1000 + (LEASED_MARK if mark else 0))


def _lease(taken: Taken) -> Lease:
    payload = taken.payload.encode() if taken.payload is not None else None
    return lease_of(taken.id, KEYS, token=taken.token, lane_queue=taken.lane_queue, payload=payload)


def _pairs(flat: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    return dict(zip(flat[::2], flat[1::2], strict=True)) if isinstance(flat, list) else {}
