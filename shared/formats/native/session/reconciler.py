"""The reconciler: makes the jobs that an incarnation holds agree with those that its worker knows.

They differ if Redis has lost its last moments in a restart or failover: an acknowledged end is undone, and the job
would be held forever by a live worker that does not know it. A call without a reply may also cause a difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from redis.asyncio import Redis

from monarq.shared.formats.native.jobs.claim import IncarnationGoneError
from monarq.shared.formats.native.session.queue import NativeWorkerQueue
from monarq.shared.formats.native.workers.leases import RECONCILED_A_CALL, reconcile
from monarq.shared.protocol.lease import Lease

_NO_CLAIMS: Final = (1, 0)


async def reconcile_queue(redis: Redis, queue: NativeWorkerQueue, held: Sequence[Lease]) -> list[Lease]:
    """Gives back jobs that the worker does not know, and returns the leases that it does not hold.

    Args:
        redis: the client.
        queue: the queue, as the worker uses it.
        held: the leases that the worker knows at this moment.

    Raises:
        RedisError: a call failed.
    """
    incarnation, begun, was_quiet = queue.incarnation, queue.calls_begun, not queue.has_calls_out
    missing: set[bytes] = set()
    is_done, all_given_back = True, 0
    try:
        for lane_queue, claims in incarnation.claims.items():
            # The reply to a claim is delivered before the loop's next event, in which this runs.
            newest = claims.number if claims.is_answered else claims.number - 1
            of_lane = [lease for lease in held if lease.lane_queue == lane_queue]
            for oldest, last, page in _pages(of_lane, newest):
                asked = (oldest, last, *_NO_CLAIMS) if lane_queue == "io" else (*_NO_CLAIMS, oldest, last)
                known = [(lease.raw_id, lease.token) for lease in page]
                given_back, not_held = await reconcile(redis, queue.keys, incarnation.name, asked, known)
                is_done = is_done and given_back < RECONCILED_A_CALL
                all_given_back += given_back
                missing.update(not_held)
    except IncarnationGoneError:
        queue.begin_anew(incarnation)
        return []
    if not was_quiet or queue.calls_begun != begun or queue.incarnation is not incarnation:
        return []  # some may have ended meanwhile: the next check will tell
    if is_done:
        queue.settle_doubt()
    lost = [lease for lease in held if lease.raw_id in missing]
    queue.note_difference(incarnation, given_back=all_given_back, missing=len(lost))
    return lost


def _pages(leases: Sequence[Lease], newest: int) -> Iterator[tuple[int, int, list[Lease]]]:
    """Pages of whole claims, each with its oldest and newest number; together they cover all claims up to `newest`."""
    by_claim: dict[int, list[Lease]] = {}
    for lease in leases:
        by_claim.setdefault(_number_of(lease), []).append(lease)
    oldest, page = 1, list[Lease]()
    for number in sorted(number for number in by_claim if number <= newest):
        if page and len(page) + len(by_claim[number]) > RECONCILED_A_CALL:
            yield oldest, number - 1, page
            oldest, page = number, []
        page = page + by_claim[number]
    if newest > 0:
        yield oldest, newest, page


def _number_of(lease: Lease) -> int:
    return int(lease.token[1:])
