"""The systemd unit: its command is one of monarq's, and systemd waits longer than a drain takes."""

from __future__ import annotations

import shlex
from configparser import RawConfigParser

import click
import pytest

from monarq.cli.app import app
from monarq.shared.parsing import to_seconds
from monarq.workers.config.settings import WorkerSettings
from monarq.workers.config.spec import SupervisorLimits
from tests.support.command import ROOT

UNIT = ROOT / "deploy" / "systemd" / "monarq.service"


@pytest.fixture
def service() -> dict[str, str]:
    """The section [Service]."""
    unit = RawConfigParser()
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    return dict(unit["Service"])


def worker_context(service: dict[str, str]) -> click.Context:
    """The context of the command that the unit starts."""
    program, name, *arguments = shlex.split(service["ExecStart"])
    assert program.endswith("/monarq")
    command = app.commands[name]
    return command.make_context(name, arguments)


def test_its_command_is_taken(service: dict[str, str]) -> None:
    assert worker_context(service).params["target"] == "app.jobs"


def test_it_waits_longer_than_a_drain_takes(service: dict[str, str]) -> None:
    stop_s = to_seconds(service["TimeoutStopSec"], "TimeoutStopSec")
    assert stop_s is not None
    assert stop_s >= WorkerSettings().grace_s + SupervisorLimits().kill_after_s


def test_only_the_supervisor_is_asked_to_stop_and_a_reload_replaces_the_workers(service: dict[str, str]) -> None:
    assert service["KillMode"] == "mixed"
    assert service["ExecReload"] == "/bin/kill -HUP $MAINPID"
