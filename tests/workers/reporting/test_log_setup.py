"""Log set-up: formats and levels, and loggers that a program's own configuration has disabled."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from monarq.shared.errors import SettingsError
from monarq.workers.config.log_settings import LogSettings
from monarq.workers.reporting.log_setup import configure_logging, enable_own_loggers
from tests.support.slowness import patience_s

PROGRAM = """
import logging
from monarq.workers.config.log_settings import LogSettings
from monarq.workers.reporting.log_setup import configure_logging, configure_root_logging

settings = LogSettings({settings})
configure_logging(settings)
{program}
configure_root_logging(settings)
for name in ("monarq.worker", "arq.worker", "app"):
    logging.getLogger(name).debug("debug of %s", name)
    logging.getLogger(name).info("info of %s", name)
"""


def written(settings: str = "", program: str = "") -> list[str]:
    command = [sys.executable, "-c", PROGRAM.format(settings=settings, program=program)]
    ended = subprocess.run(command, check=True, capture_output=True, text=True, timeout=patience_s(30))
    return ended.stderr.splitlines()


@pytest.mark.parametrize(
    ("settings", "program", "lines"),
    [
        ("", "", ["info of monarq.worker", "info of arq.worker", "info of app"]),
        (
            "1",
            "",
            [
                "debug of monarq.worker",
                "info of monarq.worker",
                "debug of arq.worker",
                "info of arq.worker",
                "info of app",
            ],
        ),
        ("-1", "", []),
        ("", "logging.basicConfig(format='own: %(message)s')", ["info of monarq.worker", "info of arq.worker"]),
        ("", "logging.getLogger().setLevel('ERROR')", ["info of monarq.worker", "info of arq.worker"]),
    ],
    ids=["usual", "every job", "warnings", "a root logger of the program's", "a level of the program's"],
)
def test_whose_lines_are_written(settings: str, program: str, lines: list[str]) -> None:
    found = written(settings, program)
    assert [line for line in found if not line.endswith(tuple(lines))] == []
    assert len(found) == len(lines)


DEBUGGING = """
handler = logging.StreamHandler()
handler.setFormatter(logging.Formatter("by the program: %(message)s"))
handler.addFilter(lambda record: IS_ON)
logging.getLogger("app").addHandler(handler)
"""


@pytest.mark.parametrize("is_on", [True, False])
def test_what_a_handler_of_the_programs_writes_is_written_once(is_on: bool) -> None:
    *_, line = found = written("", f"IS_ON = {is_on}\n{DEBUGGING}")
    assert len(found) == 3
    assert line.endswith("info of app")
    assert line.startswith("by the program") == is_on


def test_json_is_for_all_loggers() -> None:
    lines = written("format='json'")
    assert len(lines) == 3
    assert all(line.startswith("{") and line.endswith("}") for line in lines)


def test_loggers_of_monarqs_that_are_disabled_are_enabled_again() -> None:
    own, other = logging.getLogger("monarq.test"), logging.getLogger("app.test")
    own.disabled = other.disabled = True
    enable_own_loggers()
    assert (own.disabled, other.disabled) == (False, True)


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(SettingsError, match="log_format is 'xml'; it must be one of text, json"):
        configure_logging(LogSettings(format="xml"))
