"""What stands on a command line becomes the value that a person means."""

from __future__ import annotations

from typing import Any

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monarq.cli.command_line.arguments import (
    JobArguments,
    parse_duration,
    parse_hang_timeout,
    parse_job_arguments,
    parse_size,
    parse_value,
    parse_workers,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-2.5", -2.5),
        ("true", True),
        ("null", None),
        ('"1"', "1"),
        ("[1, 2]", [1, 2]),
        ('{"a": 1}', {"a": 1}),
        ("hello world", "hello world"),
        ("http://host/path", "http://host/path"),
        ("007", "007"),
        ("NaN", "NaN"),
        ("", ""),
        ("'quoted'", "'quoted'"),
    ],
)
def test_json_where_it_is_any_else_text(text: str, value: object) -> None:
    assert parse_value(text) == value


@given(st.text())
def test_no_text_is_refused(text: str) -> None:
    parse_value(text)


def test_bytes_that_are_no_utf8_stay_text() -> None:
    assert parse_value("caf\udce9") == "caf\udce9"


@pytest.mark.parametrize(
    ("line", "call"),
    [
        ("[1, 2]", JobArguments((0, 1, 2), {"a": 1})),
        ('{"a": 9, "b": 2}', JobArguments((0,), {"a": 9, "b": 2})),
        ("7", JobArguments((0, 7), {"a": 1})),
        ("some text", JobArguments((0, "some text"), {"a": 1})),
        ('"[1]"', JobArguments((0, "[1]"), {"a": 1})),
        ("[]", JobArguments((0,), {"a": 1})),
    ],
)
def test_a_line_adds_to_what_all_lines_begin_with(line: str, call: JobArguments) -> None:
    assert JobArguments((0,), {"a": 1}).with_line(line) == call


def test_the_call_of_a_command_line() -> None:
    assert parse_job_arguments(("1", "x"), '{"a": [1]}') == JobArguments((1, "x"), {"a": [1]})


@pytest.mark.parametrize("kwargs", ["x", "[1]", "1", '{"a": 1', ""])
def test_kwargs_must_be_an_object(kwargs: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a JSON object"):
        parse_job_arguments((), kwargs)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (".5s", 0.5),
        ("500ms", 0.5),
        ("10m", 600.0),
        ("2h", 7200.0),
        ("1h30m", 5400.0),
        ("1d", 86400.0),
    ],
)
def test_durations(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "5 weeks", "1e9", "nan", "inf", "1h30"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(
        click.BadParameter, match="is not a duration: give a number of seconds, or text such as 500ms, 30s, 1h30m or 3d"
    ):
        parse_duration(text)


@pytest.mark.parametrize("text", ["0", "1ms", "1"])
def test_a_worker_may_be_silent_between_two_heartbeats(text: str) -> None:
    with pytest.raises(click.BadParameter, match=r"is too short: give 1\.5s or more"):
        parse_hang_timeout(text)
    assert parse_hang_timeout("1.5s") == 1.5


@pytest.mark.parametrize("text", ["0", "-1", "many", "1.5", "", "1001", "9" * 5000])
def test_what_is_no_number_of_workers(text: Any) -> None:
    with pytest.raises(click.BadParameter, match="is not a number of workers"):
        parse_workers(text)


def test_auto_is_one_worker_for_each_core() -> None:
    assert parse_workers("auto") >= 1
    assert parse_workers("3") == 3


@pytest.mark.parametrize(("text", "size"), [("512MB", 512 * 2**20), ("1.5g", 3 * 2**29), ("1000", 1000)])
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "much", "0", "-1MB", "1 XB"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(click.BadParameter, match="is not a size"):
        parse_size(text)
