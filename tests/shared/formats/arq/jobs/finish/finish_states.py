"""What the tables of finish start from and come to: jobs a and b, leased to worker w1, and how they ended."""

from __future__ import annotations

from typing import Final

from tests.shared.formats.arq.calls import HOUR_MS, ending
from tests.support.queue_state import QueueState, leased

LEASED: Final = QueueState(
    queue={"a": leased(10)}, payloads={"a": "payload"}, tokens={"a": "t1"}, leases={"w1": {"a": "t1"}}
)
TWO_LEASED: Final = QueueState(
    queue=dict.fromkeys("ab", leased(10)),
    payloads=dict.fromkeys("ab", "payload"),
    tokens=dict.fromkeys("ab", "t1"),
    leases={"w1": dict.fromkeys("ab", "t1")},
)
DONE: Final = QueueState(results={"a": "result"}, stats={"succeeded": "1"}, ended=1)
BOTH_DONE: Final = QueueState(results=dict.fromkeys("ab", "result"), stats={"succeeded": "2"}, ended=2)
B_DONE: Final = QueueState(results={"b": "result"}, stats={"succeeded": "1"}, ended=1)
LETTER: Final = {
    "name": "send",
    "letter": "why",
    "payload": "payload",
    "has_payload": "1",
    "tries": "0",
    "died_ms": "0",
    "result_end": "result",
}
DEAD: Final = QueueState(
    results={"a": "result"}, letters={"a": LETTER}, dead={"a": 0}, stats={"failed": "1", "dead": "1"}, ended=1
)
DAY_MS: Final = 24 * HOUR_MS


def dead_letter_of(job_id: str, **fields: str) -> dict[str, dict[str, str]]:
    """A dead letter that differs as the fields say."""
    return {job_id: LETTER | fields}


BURIED: Final = ending("a", success=False, letter="why")
