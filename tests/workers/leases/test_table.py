"""The lease table: which leases a worker holds, by the very lease and not by the job."""

from __future__ import annotations

from msgspec.structs import replace

from monarq.shared.formats.arq.keys import QueueKeys
from monarq.workers.leases.table import LeaseTable
from tests.support.leases import QUEUE, lease_of

OTHER = QueueKeys.of("other")


def test_what_is_added_is_held_until_it_is_removed() -> None:
    table, lease = LeaseTable([QUEUE.ref]), lease_of("a")
    assert (table.holds(lease), len(table)) == (False, 0)
    table.add(lease)
    assert (table.holds(lease), table.find(QUEUE.ref, b"a"), len(table)) == (True, lease, 1)
    table.remove(lease)
    table.remove(lease)
    assert (table.holds(lease), table.find(QUEUE.ref, b"a"), len(table)) == (False, None, 0)


def test_the_end_of_an_older_lease_leaves_the_newer_one_of_the_same_job() -> None:
    older, table = lease_of("again"), LeaseTable([QUEUE.ref])
    newer = replace(older, token="newer")
    table.add(older)
    table.add(newer)
    table.remove(older)
    assert (table.holds(older), table.holds(newer), len(table)) == (False, True, 1)


def test_jobs_of_one_id_in_two_queues_are_two() -> None:
    here, there, table = lease_of("a"), lease_of("a", OTHER), LeaseTable([QUEUE.ref, OTHER.ref])
    table.add(here)
    table.add(there)
    assert (table.of_queue(QUEUE.ref), table.of_queue(OTHER.ref), len(table)) == ([here], [there], 2)


def test_the_leases_of_a_queue_are_a_copy() -> None:
    table, lease = LeaseTable([QUEUE.ref]), lease_of("a")
    table.add(lease)
    for held in table.of_queue(QUEUE.ref):
        table.remove(held)
    assert len(table) == 0
