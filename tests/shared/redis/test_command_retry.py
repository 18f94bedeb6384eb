"""The retries of one command: which failures are retried, for how long, and what is raised in the end."""

from __future__ import annotations

import asyncio

import pytest
from redis.exceptions import AuthenticationError, BusyLoadingError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.shared.errors import MonarqError, RedisRefusedError, RedisUnavailableError
from monarq.shared.redis.command_retry import MAX_PAUSE_S, CommandRetry
from monarq.shared.redis.redis_errors import NotSentError


@pytest.fixture
def pauses_s(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """For how long was waited each time, in seconds; nobody really waits."""
    pauses: list[float] = []

    async def note(pause_s: float) -> None:
        pauses.append(pause_s)

    monkeypatch.setattr(asyncio, "sleep", note)
    return pauses


@pytest.mark.parametrize(
    ("error", "unknown"),
    [
        (NotSentError("no connection"), False),
        (BusyLoadingError("loading"), False),
        (RedisConnectionError("lost"), True),
        (OSError("broken pipe"), True),
    ],
)
async def test_a_failure_that_is_retried(error: Exception, unknown: bool, pauses_s: list[float]) -> None:
    retry = CommandRetry(retry_for_s=60)
    await retry.wait_after(error, "here")
    [pause_s] = pauses_s
    assert 0.04 <= pause_s < MAX_PAUSE_S
    assert retry.outcome_unknown is unknown
    await retry.wait_after(NotSentError("again"), "here")
    assert retry.outcome_unknown is unknown, "one that was never sent changes nothing"


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AuthenticationError("NOAUTH Authentication required."), RedisUnavailableError),
        (ResponseError("ERR unknown command"), RedisRefusedError),
        (ResponseError("OOM command not allowed"), RedisRefusedError),
    ],
)
async def test_a_failure_that_is_not(error: Exception, kind: type[MonarqError]) -> None:
    with pytest.raises(kind) as raised:
        await CommandRetry(retry_for_s=60).wait_after(error, "here")
    assert raised.value.__cause__ is error


async def test_no_retry_after_the_deadline() -> None:
    with pytest.raises(RedisUnavailableError):
        await CommandRetry(retry_for_s=0).wait_after(RedisConnectionError("lost"), "here")


async def test_the_last_wait_ends_at_the_deadline(pauses_s: list[float]) -> None:
    await CommandRetry(retry_for_s=0.02).wait_after(RedisConnectionError("lost"), "here")
    [pause_s] = pauses_s
    assert pause_s == pytest.approx(0.02, abs=0.01), "shorter than the backoff's first wait"
