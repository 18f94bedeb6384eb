"""Redis keys: every key that monarq reads or writes is spelled here and nowhere else.

The first group is arq's, with arq's meaning, so that arq's clients and workers share a queue with monarq.
The second group lies under ``monarq:{<queue>}:``; the hash tag keeps a queue's keys in one cluster slot.
Scripts use the same names: the script loader prepends `lua_keys` to each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from monarq.shared.protocol.queue_ref import QueueRef
from monarq.shared.redis.script_parts import words_of

DEFAULT_QUEUE: Final = "arq:queue"  # zset: job id -> due ms; while leased, the lease's end plus LEASED_MARK
JOB_PREFIX: Final = "arq:job:"  # string: the payload, arq's dict (t f a k et)
IN_PROGRESS_PREFIX: Final = "arq:in-progress:"  # string, PX lease: the token of the claim
RETRY_PREFIX: Final = "arq:retry:"  # counter: tries that are used up
RESULT_PREFIX: Final = "arq:result:"  # string: arq's result dict
ABORT: Final = "arq:abort"  # zset: job id -> ms of the request
HEALTH_CHECK_SUFFIX: Final = ":health-check"

QUEUES: Final = "monarq:queues"  # zset: queue -> ms at which a worker last served it or a job was enqueued in it

PARKED_SCORE: Final = 4_102_444_800_000_000
"""The score in the queue of a job that waits in the cpu set: far enough that no arq worker takes it.

arq's clients look for a job only in the queue, so a cpu job stays a member of it while its due time is the score in
the cpu set."""

LEASED_MARK: Final = 0.5
"""Added to the score of a leased job. A due job with this mark is one whose lease has expired: a crash."""

EXPIRES_MARK: Final = 0.25
"""The fraction in the score of a waiting job whose payload has a TTL set by its producer. The score of such a job is
less than 1 ms before its due time."""

ASKED_MARK: Final = 0.5
"""Added to the time of a request by monarq's `cancel`: the job existed when the request was made."""

_OWN_NAMES: Final = {
    "CPU": "cpu",  # zset: job id -> due ms or lease end, of jobs for the cpu lane
    "WAKE": "wake",  # list of at most one element: "there is work for an io lane"
    "WAKE_CPU": "wake:cpu",  # the same for a cpu lane
    "ENDED": "ended",  # channel: ids of jobs that have ended, joined by NUL
    "STATS": "stats",  # hash: counters since the first job; with ":" and a job's name: those of its jobs alone
    "COUNTER_BUFFER": "live",  # hash: counters of this second, not yet added to the others
    "MINUTE": "minute:",  # + unix minute, and ":" and a job's name: counters of that minute, for a day
    "SECOND": "second:",  # + unix second, and ":" and a job's name: counters of that second, for ten minutes
    "COUNTED_NAMES": "names",  # zset: job name with counters of its own -> ms of its last count, to the minute
    "UNKNOWN_NAMES": "heard",  # zset: job name that was enqueued, and that no worker knows yet -> ms of its first job
    "KNOWN_NAMES": "known",  # zset: job name -> ms at which a worker that knows the job last registered it
    "RECENT": "recent",  # list: the jobs that ended last, a few of each call
    "WORKERS": "workers",  # zset: worker id -> ms at which its record goes stale
    "WORKER": "worker:",  # + worker id: JSON record
    "LEASES": "leases:",  # + worker id: hash job id -> token
    "REVOKED": "given-up:",  # + a claim's token or a worker's id: it may not take jobs any more
    "CRASH": "crash:",  # + job id: "<count> <what happened>", and NUL and the ms since which no worker knows its name
    "NO_RESULT": "no-result:",  # + job id: it recently ended without a lasting result, or was purged or moved
    "TICK": "tick:",  # + cron tick id: it has been enqueued
    "CRON": "cron",  # hash: cron declaration -> ms of its newest tick
    "CRONS": "crons",  # hash: cron declaration -> JSON, its description and next tick; for display
    "HISTORY": "trail:",  # + job id: list of its rare events: "<ms> <what> <text>", the newest last
    "PAUSED": "paused",  # string: ms since which the queue gives no job to monarq's workers
    "MOVING": "moving",  # string: "<run> <queue>", while jobs are moved there; the queue cannot be resumed
    "MOVED": "moved",  # string: the queue that jobs were last moved to
    "MARKS": "marks",  # zset: mark of a job that was moved here -> ms at which it ends, +inf until its source is gone
    "DEAD": "dead",  # zset: job id -> ms of death
    "DEAD_LETTER": "letter:",  # + job id: hash, the dead letter
    "PROGRESS": "progress:",  # + job id: "<µs> <JSON>", its progress
    "REPORTS": "reports",  # channel: ids and progress of jobs, joined by NUL
}


@dataclass(frozen=True, slots=True)
class QueueKeys:
    """The keys of one queue.

    Attributes:
        queue: the queue's name, which is the key of its zset.
        base: the prefix of the queue's own keys.
        ref: the queue.
    """

    queue: str
    base: str
    ref: QueueRef

    @classmethod
    def of(cls, queue: str) -> QueueKeys:
        """The keys of the queue of this name."""
        return cls(queue, f"monarq:{{{queue}}}:", QueueRef(queue, "arq"))

    @property
    def cpu(self) -> str:
        """Zset of the jobs that wait for, or run in, a cpu lane."""
        return self.base + _OWN_NAMES["CPU"]

    def wake(self, lane: str) -> str:
        """List that wakes idle workers when there is work for their lane ("io" or "cpu")."""
        return self.base + _OWN_NAMES["WAKE_CPU" if lane == "cpu" else "WAKE"]

    @property
    def ended(self) -> str:
        """Channel on which the ids of ended jobs are published."""
        return self.base + _OWN_NAMES["ENDED"]

    @property
    def moving(self) -> str:
        """String: which run moves jobs to which queue."""
        return self.base + _OWN_NAMES["MOVING"]

    @property
    def stats(self) -> str:
        """Hash of the queue's counters since its first job."""
        return self.base + _OWN_NAMES["STATS"]

    @property
    def counter_buffer(self) -> str:
        """Hash of this second's counters, which are not added to the others yet."""
        return self.base + _OWN_NAMES["COUNTER_BUFFER"]

    @property
    def workers(self) -> str:
        """Zset of the workers that serve the queue."""
        return self.base + _OWN_NAMES["WORKERS"]

    @property
    def known_names(self) -> str:
        """Zset of the jobs that workers know."""
        return self.base + _OWN_NAMES["KNOWN_NAMES"]

    @property
    def recent(self) -> str:
        """List of the jobs that ended last."""
        return self.base + _OWN_NAMES["RECENT"]

    @property
    def dead(self) -> str:
        """Zset of the dead letters' job ids."""
        return self.base + _OWN_NAMES["DEAD"]

    @property
    def cron(self) -> str:
        """Hash of the newest tick of each cron declaration."""
        return self.base + _OWN_NAMES["CRON"]

    @property
    def reports(self) -> str:
        """Channel on which the progress of jobs is published."""
        return self.base + _OWN_NAMES["REPORTS"]

    def progress(self, job_id: str) -> str:
        """A job's progress."""
        return self.base + _OWN_NAMES["PROGRESS"] + job_id

    @property
    def crons(self) -> str:
        """Hash of each cron declaration's description and next tick, for display."""
        return self.base + _OWN_NAMES["CRONS"]

    def worker(self, worker_id: str) -> str:
        """A worker's record."""
        return self.base + _OWN_NAMES["WORKER"] + worker_id

    def leases(self, worker_id: str) -> str:
        """Hash of the jobs that a worker holds."""
        return self.base + _OWN_NAMES["LEASES"] + worker_id

    def dead_letter(self, job_id: str) -> str:
        """A job's dead letter."""
        return self.base + _OWN_NAMES["DEAD_LETTER"] + job_id

    def crash(self, job_id: str) -> str:
        """How often a job's worker died, and the last cause."""
        return self.base + _OWN_NAMES["CRASH"] + job_id

    def no_result(self, job_id: str) -> str:
        """Exists if a job has ended and its result is not kept."""
        return self.base + _OWN_NAMES["NO_RESULT"] + job_id

    def history(self, job_id: str) -> str:
        """The rare events of a job."""
        return self.base + _OWN_NAMES["HISTORY"] + job_id

    @property
    def paused(self) -> str:
        """Since when the queue is paused; missing if it is not."""
        return self.base + _OWN_NAMES["PAUSED"]

    @property
    def moved(self) -> str:
        """The queue that jobs were last moved to; missing if none were."""
        return self.base + _OWN_NAMES["MOVED"]

    @property
    def script_keys(self) -> list[str]:
        """The KEYS of every script.

        The third is there for its slot: a node of a cluster then refuses the call before the script begins. Within the
        script it would be too late, as Valkey 9.1 then refuses every further script.
        """
        return [self.queue, self.base, JOB_PREFIX]


def job(job_id: str) -> str:
    """Key of a job's payload."""
    return JOB_PREFIX + job_id


def in_progress(job_id: str) -> str:
    """Key of the token of the worker that runs the job."""
    return IN_PROGRESS_PREFIX + job_id


def retry(job_id: str) -> str:
    """Key of the number of tries that the job has used."""
    return RETRY_PREFIX + job_id


def result(job_id: str) -> str:
    """Key of the job's result."""
    return RESULT_PREFIX + job_id


def lua_keys(script: str | None = None) -> str:
    """Lua locals that name keys, put before each script.

    The first two of a script's KEYS are the queue and the base of its own keys; keys of jobs are built from these.

    Args:
        script: the script's text: names that it does not mention are left out, as each one slows every call. None for
            all.
    """
    fixed = {
        "JOB": f"'{JOB_PREFIX}'",
        "RUN": f"'{IN_PROGRESS_PREFIX}'",
        "RETRY": f"'{RETRY_PREFIX}'",
        "RESULT": f"'{RESULT_PREFIX}'",
        "ABORT": f"'{ABORT}'",
        "QUEUES": f"'{QUEUES}'",
        "DEFAULT_QUEUE": f"'{DEFAULT_QUEUE}'",
    }
    own = {name: f"BASE .. '{value}'" for name, value in _OWN_NAMES.items()}
    marks: dict[str, object] = {"LEASED_MARK": LEASED_MARK, "ASKED_MARK": ASKED_MARK, "EXPIRES_MARK": EXPIRES_MARK}
    marks["LEASED_DIGITS"] = f"'{str(LEASED_MARK)[1:]}'"
    named: dict[str, object] = {**fixed, **own, "PARKED": PARKED_SCORE, **marks}
    used = named if script is None else named.keys() & words_of(script)
    lines = [f"local {name} = {value}" for name, value in named.items() if name in used]
    return "\n".join(["local QUEUE, BASE = KEYS[1], KEYS[2]", *lines]) + "\n"


def waiting_keys(queue: str) -> tuple[str, ...]:
    """The zsets of a queue's jobs that have not ended, including running ones."""
    return (queue,)
