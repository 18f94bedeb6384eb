"""An exception of another process is known by its classes there."""

from __future__ import annotations

from abc import ABCMeta

import pytest

from monarq.shared.jobs.retry_exception import Retry
from monarq.workers.runs.raised_error import RaisedError, retry_delay_ms


class Abstract(Exception, metaclass=ABCMeta):  # noqa: N818
    pass


@Abstract.register
class Registered(Exception):  # noqa: N818
    pass


class Unreadable(Exception):  # noqa: N818
    @property
    def defer_score(self) -> int:
        raise LookupError


@pytest.mark.parametrize(
    ("error", "kind", "is_one"),
    [
        (KeyError(), KeyError, True),
        (KeyError(), LookupError, True),
        (KeyError(), ValueError, False),
        (Registered(), Abstract, True),
    ],
    ids=["its class", "a base", "another class", "a class that it is registered with"],
)
def test_it_is_one_of_these(error: Exception, kind: type[Exception], is_one: bool) -> None:
    assert RaisedError.of(error, retry_on=(kind,)).is_a((kind,)) is is_one


@pytest.mark.parametrize(("arrived", "is_same"), [(KeyError("other"), True), (LookupError(), False)])
def test_it_arrived_as_it_was(arrived: Exception, is_same: bool) -> None:
    assert RaisedError.of(KeyError()).arrived_as(arrived) is is_same


@pytest.mark.parametrize(
    ("error", "delay_ms"),
    [(Retry(1.5), 1500), (Retry(1.001), 1001), (Retry(), None), (ValueError(), None), (Unreadable(), None)],
    ids=repr,
)
def test_the_delay_that_it_asks_for(error: Exception, delay_ms: int | None) -> None:
    assert retry_delay_ms(error) == RaisedError.of(error).defer_ms == delay_ms
