"""Redis errors: how a command failed, by redis-py's class, its cause and the code in its text, and what to do."""

from __future__ import annotations

import pytest
from redis.exceptions import AuthenticationError, BusyLoadingError, ReadOnlyError, ResponseError
from redis.exceptions import ConnectionError as RedisConnectionError

from monarq.shared.redis.redis_errors import CommandFailure, NotSentError, classify_failure, explain


def caused(error: Exception) -> NotSentError:
    made = NotSentError("x")
    made.__cause__ = error
    return made


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (caused(RedisConnectionError("refused")), "UNREACHABLE"),
        (caused(AuthenticationError("no")), "DENIED"),
        (caused(BusyLoadingError("loading")), "UNREACHABLE"),
        (caused(ResponseError("MASTERDOWN Link with MASTER is down")), "UNREACHABLE"),
        (caused(ResponseError("DB index is out of range")), "REFUSED"),
        (AuthenticationError("NOAUTH"), "DENIED"),
        (BusyLoadingError("loading"), "TRANSIENT"),
        (ResponseError("BUSY Redis is busy running a script"), "TRANSIENT"),
        (RedisConnectionError("max number of clients reached"), "TRANSIENT"),
        (ResponseError("MISCONF Redis is configured to save"), "TRANSIENT"),
        (ReadOnlyError("You can't write against a read only replica."), "TRANSIENT"),
        (
            ResponseError("ERR Error running script (call to f_0): @user_script:1: -READONLY You"),
            "TRANSIENT",
        ),
        (
            ResponseError("ERR Error running script (call to f_0): @user_script:1: -OOM command not"),
            "REFUSED",
        ),
        (RedisConnectionError("Connection lost"), "UNKNOWN"),
        (OSError("broken pipe"), "UNKNOWN"),
    ],
)
def test_how_the_command_failed(error: Exception, failure: str) -> None:
    assert classify_failure(error) is CommandFailure[failure]


def test_a_code_within_a_scripts_error_is_found() -> None:
    told = explain(ResponseError("ERR Error running script (call to f_0): @user_script:1: -OOM command not"), "here")
    assert "Redis is full" in str(told)
