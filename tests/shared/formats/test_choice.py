"""The choice of a format: a session for each format that a worker's queues have, and no format without a choice."""

from __future__ import annotations

from typing import Any, cast

import pytest

from monarq.shared.formats import choice
from monarq.shared.protocol.queue_ref import FORMATS, QueueRef
from tests.support.queues import terms_of


def test_queues_of_one_format_share_a_session(monkeypatch: pytest.MonkeyPatch) -> None:
    opened = {each: lambda names, terms, on_lost, each=each: (each, names) for each in FORMATS}
    monkeypatch.setattr(choice, "SESSION_OPENERS", opened)
    queues = [QueueRef("one", "arq"), QueueRef("two", "native"), QueueRef("three", "arq")]
    sessions = cast("Any", choice.open_sessions(queues, terms_of(), lambda _: None))
    assert sessions == [("arq", ["one", "three"]), ("native", ["two"])]


def test_every_contract_has_the_same_formats() -> None:
    offered = [choice.SESSION_OPENERS, choice._CRON_QUEUES, choice._RECOVERIES, choice._WAITING_READERS]
    assert len({frozenset(each) for each in offered}) == 1
