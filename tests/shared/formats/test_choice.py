"""The choice of a format: a session for each format that a worker's queues have, and no role without a format."""

from __future__ import annotations

from typing import Any, cast

import pytest

from monarq.shared.formats.choice import crons, producers, sessions, supervision
from monarq.shared.protocol.queue_ref import FORMATS, QueueRef
from tests.support.queues import terms_of


def test_queues_of_one_format_share_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = {each: lambda names, *_, each=each: (each, names) for each in FORMATS}
    monkeypatch.setattr(sessions, "_OPENERS", opened)
    queues = [QueueRef("one", "arq"), QueueRef("two", "native"), QueueRef("three", "arq")]
    made = cast("Any", sessions.open_sessions(queues, terms_of(), lambda _: [], lambda _: None))
    assert made == [("arq", ["one", "three"]), ("native", ["two"])]


@pytest.mark.parametrize(
    "chosen",
    [
        sessions._OPENERS,
        crons._QUEUES,
        producers._QUEUES,
        supervision._RECOVERIES,
        supervision._WAITING_READERS,
    ],
    ids=["sessions", "crons", "producers", "recoveries", "waiting"],
)
def test_every_format_has_every_role(chosen: dict[str, object]) -> None:
    assert set(chosen) == set(FORMATS)
