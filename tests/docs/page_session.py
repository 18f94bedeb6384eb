"""The processes of one page: commands that end, and those that run until the page does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Final

from tests.docs.command_lines import Line
from tests.support.command import ROOT, environment
from tests.support.slowness import patience_s

LONGEST_S: Final = 60.0
_SERVING: Final = re.compile(r"^monarq: .*; Ctrl-C ends it$", re.MULTILINE)
_ANYTHING: Final = re.compile(r"\n")
_ID: Final = re.compile(r"\b[0-9a-z]{22}\b")
_PLACE: Final = re.compile(r"\b[\w.-]+:\d+:[0-9a-f]{8}\b")
_NUMBER: Final = re.compile(r"\d[\d.,:]*")
_DURATION: Final = re.compile(r"\b(?:0(?:ms|s|m|h|d))+\b")
_REST: Final = re.compile(r"…|\.\.\.$")


class DocumentationError(AssertionError):
    """What a page shows is not what happens."""


@dataclass
class Started:
    """A command that runs until the page ends."""

    line: Line
    process: subprocess.Popen[bytes]
    output: Path

    def text(self) -> str:
        """What it has printed."""
        return self.output.read_text(errors="replace")


@dataclass
class PageSession:
    """A folder, an environment, and what was started in it."""

    folder: Path
    url: str
    environment: dict[str, str] = field(init=False)
    started: list[Started] = field(default_factory=list)
    scripts: set[str] = field(default_factory=set)
    """Files that do something when they are run, and that no command has run yet."""
    last_output: str = ""

    def __post_init__(self) -> None:
        commands = Path(tempfile.mkdtemp(prefix="bin-", dir=self.folder.parent))
        for name, module in (
            ("monarq", "-m monarq"),
            ("pytest", f"-m pytest -q -p no:cacheprovider{_testing_plugin()}"),
            ("python", ""),
        ):
            path = commands / name
            path.write_text(f'#!/bin/sh\nexec "{sys.executable}" {module} "$@"\n')
            path.chmod(0o755)
        (commands / "python3").symlink_to("python")
        self.environment = environment(self.url) | {
            "PATH": f"{commands}:{os.environ['PATH']}",
            "PYTHONPATH": f"{self.folder}:{ROOT}",
            "COLUMNS": "120",
            "MONARQ_WORKER_WORKERS": "1",
            "MONARQ_WEB_PORT": "0",
        }

    def write(self, name: str, text: str) -> None:
        """Writes a file into the folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, line: Line) -> None:
        """Runs a command to its end, and compares what it prints.

        Raises:
            DocumentationError: it fails, or prints something else than is shown.
        """
        if line.command.startswith("export "):
            name, _, value = line.command.removeprefix("export ").partition("=")
            self.environment[name] = self._expand(value)
            return
        self.scripts = {name for name in self.scripts if name not in line.command}
        ended = subprocess.run(
            ["/bin/sh", "-c", line.command],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=patience_s(LONGEST_S),
            check=False,
        )
        self.last_output = ended.stdout.decode(errors="replace")
        if ended.returncode != 0 and not _shows_failure(line):
            raise DocumentationError(
                f"`{line.command}` ended with {ended.returncode}:\n{self.last_output}{self.logs()}"
            )
        compare_output(line.output, self.last_output, f"`{line.command}`")

    def _expand(self, value: str) -> str:
        """A variable's value, with the output of the commands in it."""
        command = [
            "/bin/sh",
            "-c",
            f'printf %s "{value}"' if not value.startswith(("'", '"')) else f"printf %s {value}",
        ]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def start(self, line: Line) -> None:
        """Starts a command that runs until it is stopped, and waits until it says something.

        Raises:
            DocumentationError: it ended, or said nothing in time.
        """
        output = self.folder.parent / f"started-{len(self.started)}.log"
        with output.open("wb") as stream:
            process: subprocess.Popen[bytes] = subprocess.Popen(
                ["/bin/sh", "-c", "exec " + line.command.rstrip().removesuffix("&")],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        started = Started(line, process, output)
        self.started.append(started)
        ends_at = time.monotonic() + patience_s(LONGEST_S)
        ready = _SERVING if " worker " in line.command else _ANYTHING
        while not ready.search(started.text()):
            if process.poll() is not None:
                raise DocumentationError(f"`{line.command}` ended with {process.returncode}:\n{started.text()}")
            if time.monotonic() > ends_at:
                raise DocumentationError(f"`{line.command}` says nothing:\n{started.text()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stops what was started, as Ctrl-C does, and compares what it has printed.

        Raises:
            DocumentationError: one did not end in order, or did not print what is shown.
        """
        wrong: list[str] = []
        for each in reversed(self.started):
            if each.process.poll() is None:
                os.killpg(each.process.pid, signal.SIGINT)
            try:
                each.process.wait(patience_s(LONGEST_S))
            except subprocess.TimeoutExpired:
                wrong.append(f"`{each.line.command}` did not end")
            finally:
                _kill_group(each.process)
            if each.process.returncode not in {0, 130, -signal.SIGINT}:
                wrong.append(f"`{each.line.command}` ended with {each.process.returncode}:\n{each.text()}")
            try:
                compare_output(each.line.output, each.text(), f"`{each.line.command}`")
            except DocumentationError as error:
                wrong.append(str(error))
        if wrong:
            raise DocumentationError("\n".join(wrong))

    def logs(self) -> str:
        """What the started commands have printed, for errors."""
        return "".join(f"\n--- {each.line.command}\n{each.text()}" for each in self.started)


def _testing_plugin() -> str:
    """The option that loads monarq's plugin, where this environment was made before it was there."""
    known = any(each.value == "monarq.testing.plugin" for each in entry_points(group="pytest11"))
    return "" if known else " -p monarq.testing.plugin"


def compare_output(shown: list[str], printed: str, what: str) -> None:
    """Each line that is shown must be printed; numbers, times and ids may differ.

    Raises:
        DocumentationError: a line was not printed.
    """
    lines = [_plain(line) for line in printed.splitlines()]
    for line in shown:
        wanted = _plain(line)
        if not wanted or wanted == "...":
            continue
        pattern = ".*".join(re.escape(part) for part in _REST.split(wanted))
        if not any(re.fullmatch(pattern, each) for each in lines):
            raise DocumentationError(f"{what} does not print {line!r}, but:\n{printed}")


def _plain(line: str) -> str:
    text = _PLACE.sub("PLACE", _ID.sub("ID", line))
    return " ".join(_DURATION.sub("0s", _NUMBER.sub("0", text)).split())


def _shows_failure(line: Line) -> bool:
    """Whether the page shows that the command fails: an error is among what it prints."""
    return any("Error" in each or each.startswith("monarq: ") for each in line.output)


def _kill_group(process: subprocess.Popen[Any]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return
    process.wait()
