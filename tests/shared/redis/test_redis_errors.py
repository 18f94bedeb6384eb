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
    assert "Redis is out of memory" in str(told)


@pytest.mark.parametrize(
    "text",
    [
        "Script attempted to access a non local key in a cluster node script: a, on @user_script:1.",
        "ERR Script attempted to access a non local key in a cluster node",
    ],
)
def test_a_node_of_a_cluster_is_told_by_a_script_as_well(text: str) -> None:
    assert "is a node of a Redis Cluster: use redis+cluster://" in str(explain(ResponseError(text), "here"))


def test_a_command_that_is_not_known_may_mean_a_sentinel() -> None:
    told = str(explain(ResponseError("unknown command 'ZREVRANGE', with args beginning with: 'a' "), "here"))
    assert "if it is a sentinel, use redis+sentinel://host:port/SERVICE" in told
