"""Parsers of a command line's values: a job's arguments, durations, rates, sizes and numbers of workers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final

import click

_RATE: Final = re.compile(r"(\d+(?:\.\d+)?|\.\d+)\s*(?:/\s*([smh]))?")
_PERIODS_S: Final = {"s": 1, "m": 60, "h": 3600}

MAX_WORKERS: Final = 1000
"""Per pool. More is a mistake, and would overload the machine."""

MIN_HANG_TIMEOUT_S: Final = 1.5


@dataclass(frozen=True, slots=True)
class JobArguments:
    """The arguments of one job."""

    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)

    def with_line(self, line: str) -> JobArguments:
        """These arguments, followed by those of one line of a file.

        A JSON list adds positional arguments, a JSON object adds keyword arguments, and any other JSON value adds one
        positional argument. A line that is not JSON adds its text as one positional argument.
        """
        value = parse_value(line)
        if isinstance(value, list):
            return JobArguments((*self.args, *value), self.kwargs)
        if isinstance(value, dict):
            return JobArguments(self.args, self.kwargs | value)
        return JobArguments((*self.args, value), self.kwargs)


def parse_value(text: str) -> Any:
    """The JSON value of a text, or the text itself if it is not JSON."""
    import msgspec

    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeEncodeError):
        return text


def parse_job_arguments(arguments: tuple[str, ...], kwargs_json: str | None) -> JobArguments:
    """The arguments of a command line.

    Raises:
        click.BadParameter: --kwargs is not a JSON object.
    """
    kwargs = {} if kwargs_json is None else parse_value(kwargs_json)
    if not isinstance(kwargs, dict):
        raise click.BadParameter(
            f'{kwargs_json!r} is not a JSON object; give one such as \'{{"name": "value"}}\'', param_hint="--kwargs"
        )
    return JobArguments(tuple(parse_value(argument) for argument in arguments), kwargs)


def parse_duration(text: str) -> float:
    """Seconds, from a number or text with units: `90`, `1.5`, `500ms`, `30s`, `1h30m`, `3d`.

    Raises:
        click.BadParameter: it is not a duration, or is over a hundred years.
    """
    from monarq.shared.errors import SettingsError
    from monarq.shared.parsing import is_duration, to_seconds

    try:
        return to_seconds(text, "it")
    except SettingsError as error:
        if is_duration(text):
            raise click.BadParameter(str(error)) from None
        raise click.BadParameter(
            f"{text!r} is not a duration: give a number of seconds, or text such as 500ms, 30s, 1h30m or 3d"
        ) from None


def parse_kept(text: str) -> float | str:
    """How long something is kept: seconds as in `parse_duration`, or `forever`.

    Raises:
        click.BadParameter: it is neither.
    """
    if text == "forever":
        return text
    try:
        return parse_duration(text)
    except click.BadParameter as error:
        raise click.BadParameter(f"{error.message}; or forever") from None


def parse_hang_timeout(text: str) -> float:
    """Seconds without a heartbeat after which a worker is replaced.

    Raises:
        click.BadParameter: it is not a duration, or is too short for the heartbeats of workers.
    """
    seconds = parse_duration(text)
    if seconds < MIN_HANG_TIMEOUT_S:
        raise click.BadParameter(
            f"{text!r} is too short: give {MIN_HANG_TIMEOUT_S:g}s or more; workers send a heartbeat each second"
        )
    return seconds


def parse_size(text: str) -> int:
    """Bytes, from a number or one with a unit: `512MB`, `1.5GiB`; 1 MB is 1024 * 1024 bytes.

    Raises:
        click.BadParameter: it is not a size.
    """
    from monarq.shared.errors import SettingsError
    from monarq.shared.parsing import size_bytes

    try:
        return size_bytes(text, "size")
    except SettingsError:
        raise click.BadParameter(f"{text!r} is not a size: give bytes, or a number with KB, MB or GB") from None


def parse_workers(text: str) -> int:
    """How many workers: a number, or `auto` for one on each usable core.

    Raises:
        click.BadParameter: it is neither, or over `MAX_WORKERS`.
    """
    if text == "auto":
        from monarq.workers.system.cores import usable_cores

        return usable_cores()
    if not text.isdecimal() or len(text) > len(str(MAX_WORKERS)) or not 1 <= int(text) <= MAX_WORKERS:
        raise click.BadParameter(
            f"{text!r} is not a number of workers: give a number from 1 to {MAX_WORKERS:,}, or auto"
        )
    return int(text)


def parse_rate(text: str) -> float:
    """Jobs a second, from `50`, `50/s`, `100/m` or `1000/h`.

    Raises:
        click.BadParameter: it is not a rate.
    """
    found = _RATE.fullmatch(text.strip())
    if found is None or not float(found[1]):
        raise click.BadParameter(f"{text!r} is not a rate: give a number of jobs and /s, /m or /h, such as 50/s")
    return float(found[1]) / _PERIODS_S[found[2] or "s"]
