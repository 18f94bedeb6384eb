"""When a watcher saw its queue again after a fault."""

from __future__ import annotations

import pytest

from chaos.processes.watchers import Look, seen_again_s

SECOND = 10**9


@pytest.mark.parametrize(
    ("looks", "seconds"),
    [
        ("", None),
        ("0 1 yes", None),  # it began before the fault
        ("3 4 no, 5 6 yes, 7 8 yes", 4.0),
        ("3 4 yes, 5 6 no, 7 8 yes", 6.0),
        ("3 4 yes, 5 6 no", None),
        ("3 4 yes, 9 11 no", 2.0),  # the next fault met it
        ("12 13 yes", None),
    ],
)
def test_seen_for_good(looks: str, seconds: float | None) -> None:
    made = []
    for look in filter(None, looks.split(", ")):
        began, ended, seen = look.split()
        made.append(Look(int(began) * SECOND, int(ended) * SECOND, seen == "yes"))
    assert seen_again_s(made, 2 * SECOND, 10 * SECOND) == seconds
