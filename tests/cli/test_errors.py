"""What goes wrong is told in one line on stderr that names the thing, with exit code 2 and without a traceback."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib import import_module

import click
import pytest

from monarq.cli.app import app
from monarq.cli.terminal.console import one_line, without_password
from monarq.shared.protocol.queue_ref import QueueRef
from tests.cli.command import ROOT, Ended
from tests.cli.conftest import NOWHERE
from tests.support.queues import arq_queue

Cli = Callable[..., Ended]

REFUSED = [
    (["worker"], "missing argument 'TARGET'"),
    (["worker", "x", "-w", "0"], "'0' is not a number of workers"),
    (["worker", "x", "-c", "0"], "'-c'"),
    (["worker", "x", "--grace", "soon"], "'soon' is not a duration"),
    (["worker", "x", "--reload", "no/such/folder"], "no/such/folder"),
    (["worker", "tests.cli.target", "--custom-log-dict", "tests.cli.target.nothing"], "has no 'nothing'"),
    (
        ["worker", "tests.cli.target", "--custom-log-dict", "tests.cli.target.no_job"],
        "not a dict for logging.config",
    ),
    (["worker", "tests.cli.target", "--check"], "cannot be reached"),
    (["worker", "tests.cli.missing", "--check"], "has no 'missing'"),
    (["worker", "tests.cli.target", "--check", "--redis", "http://x"], "not a Redis URL"),
    (["enqueue"], "missing argument"),
    (["enqueue", "tests.cli.target:double", "1"], f"Redis at {NOWHERE} cannot be reached"),
    (["enqueue", "tests.cli.target:missing"], "has no 'missing'"),
    (["enqueue", "tests.cli.target.missing"], "has no 'missing'"),
    (["enqueue", "tests.cli.target:no_job"], "put @job before it"),
    (["enqueue", "tests.cli.nowhere:job"], "there is no module 'tests.cli.nowhere'"),
    (["enqueue", ""], "a job's name must not be empty"),
    (["enqueue", "name", "--kwargs", "{x"], "'{x' is not a JSON object"),
    (["enqueue", "name", "--from", "no/such/file"], "no/such/file cannot be read: No such file"),
    (["enqueue", "name", "--from", "tests"], "tests cannot be read: it is a directory"),
    (["enqueue", "name", "--from", "x", "--job-id", "a"], "--job-id names one job"),
    (["enqueue", "name", "--timeout", "3"], "--timeout limits --wait"),
    (["enqueue", "name", "--job-id", ""], "must not be empty"),
    (["enqueue", "name", "-q", ""], "a queue's name must not be empty"),
    (["enqueue", "name", "-5"], "no such option '-5'"),
    (["stats"], f"Redis at {NOWHERE} cannot be reached"),
    (["stats", "--watch"], "cannot be reached"),
    (
        ["stats", "--redis", "localhost"],
        "monarq: not a Redis URL: 'localhost' must begin with redis://",
    ),
    (["stats", "--redis", "redis://host:port"], "port"),
    (["stats", "--redis", "rediss://localhost?ssl_cert_reqs=maybe"], "has an invalid option: Invalid SSL"),
    (["stats", "--redis", "redis://localhost?no_option=1"], "an option no_option"),
    (["stats", "--redis", "redis://localhost?socket_timeout=soon"], "Invalid value for 'socket_timeout'"),
    (["stats", "--jsn"], "no such option '--jsn'"),
    (
        ["stats", "--window", "5y"],
        "--window: '5y' is not a window: give whole minutes up to a day, such as 15m or 1h, or all",
    ),
    (["stats", "-q", ""], "a queue's name must not be empty"),
    (["worker", "tests.cli.target", "-q", ""], "a queue's name must not be empty"),
    (
        ["worker", "tests/cli/target.py", "--check"],
        "'tests/cli/target.py' is a file: give the name of its module",
    ),
    (["queues", "pause", ""], "a queue's name must not be empty"),
    (["demo", "--save-svg", "no/such/folder/x.svg"], "no/such/folder is not a folder that can be written to"),
    (["redis", "--port", "99999"], "99999"),
    (["nonsense"], "no such command 'nonsense'"),
]


@pytest.mark.parametrize(("args", "words"), REFUSED, ids=[" ".join(args) for args, _ in REFUSED])
def test_one_line_says_what_is_wrong(cli: Cli, args: list[str], words: str) -> None:
    ended = cli(*args)
    assert ended.code == 2
    assert ended.out == ""
    [line] = ended.err.splitlines()
    assert line.startswith("monarq: ")
    assert words in line


@pytest.mark.parametrize(
    ("variable", "args", "names"),
    [
        ("MONARQ_WORKER_CONCURRENCY", ["worker", "x"], True),
        ("MONARQ_WEB_PORT", ["web"], True),
        ("MONARQ_WORKER_CONCURRENCY", ["worker", "x", "-c", "much"], False),
    ],
)
def test_the_variable_is_named_that_a_wrong_value_came_from(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, variable: str, args: list[str], names: bool
) -> None:
    monkeypatch.setenv(variable, "tcp://10.0.0.1:8080")
    ended = cli(*args)
    assert ended.code == 2
    assert (f"it comes from the environment variable {variable}" in ended.err) is names


@pytest.mark.parametrize(
    ("module", "args", "words"),
    [
        (
            "watchfiles",
            ["worker", "x", "--reload", "tests"],
            "--reload needs the package watchfiles: ",
        ),
        (
            "uvicorn",
            ["worker", "x", "--health-port", "0"],
            "--health-port needs the package uvicorn: ",
        ),
        ("starlette", ["worker", "x", "--metrics-port", "0"], "needs the package starlette: "),
        ("uvicorn", ["web"], "this command needs the package uvicorn: "),
        ("starlette", ["web"], "needs the package starlette: "),
        ("jinja2", ["web"], "needs the package jinja2: "),
    ],
)
def test_an_extra_that_is_missing(
    cli: Cli, without: Callable[[str], None], module: str, args: list[str], words: str
) -> None:
    without(module)
    ended = cli(*args)
    assert ended.code == 2
    [line] = [line for line in ended.err.splitlines() if line.startswith("monarq: ")]
    assert words in line


_NEED_EXTRAS = (
    *(
        "monarq.monitor.web",
        "monarq.web",
        "monarq.monitor.metrics",
        "monarq.workers.supervisor.health_endpoint",
    ),
    *("monarq.cli.web.server", "monarq.cli.worker.http_server"),
)
"""How the modules' names begin that import what an extra brings."""


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Takes a package away, and what of monarq may have imported it already."""

    def take(package: str) -> None:
        for name, module in list(sys.modules.items()):
            if name.partition(".")[0] == package or name.startswith(_NEED_EXTRAS):
                monkeypatch.delitem(sys.modules, name)
                parent, _, last = name.rpartition(".")
                if hasattr(sys.modules.get(parent), last):
                    # So that it is put back there, too.
                    monkeypatch.setattr(sys.modules[parent], last, module)
        monkeypatch.setitem(sys.modules, package, None)

    return take


def test_verbose_shows_where_an_error_came_from(cli: Cli) -> None:
    ended = cli("-v", "enqueue", "tests.cli.target:missing")
    assert ended.code == 2
    assert "Traceback" in ended.err
    assert ended.err == cli("enqueue", "-v", "tests.cli.target:missing").err


def test_a_bug_is_reported_in_one_line_too(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("of all things")

    monkeypatch.setattr("monarq.cli.command_line.arguments.parse_value", broken)
    monkeypatch.setattr("monarq.cli.enqueue.command.parse_job_arguments", broken)
    ended = cli("enqueue", "name", "1")
    assert ended.code == 1
    assert ended.err == "monarq: unexpected ZeroDivisionError: of all things; -v shows the traceback\n"
    assert "Traceback" in cli("enqueue", "-v", "name", "1").err


def test_ctrl_c_is_no_traceback(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("monarq.cli.enqueue.command.parse_job_arguments", interrupted)
    ended = cli("enqueue", "name")
    assert ended.code == 130
    assert ended.err.strip() == "monarq: interrupted"


def test_passwords_are_left_out() -> None:
    assert without_password("at redis://user:p@ss@host:1/0, say") == "at redis://…@host:1/0, say"
    assert without_password("nothing@all") == "nothing@all"
    assert one_line("a\n   b\n\nc\n") == "a b c"


@pytest.mark.parametrize("name", ["worker", "enqueue", "stats", "redis", "demo"])
def test_help_shows_an_example(cli: Cli, name: str) -> None:
    ended = cli(name, "--help")
    assert ended.code == 0
    assert f"  monarq {name}" in ended.out.partition("Example")[2]


def test_every_option_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MONARQ_WORKER_CONCURRENCY", "7")
    monkeypatch.setenv("MONARQ_WORKER_QUEUES", "high low")
    monkeypatch.setenv("MONARQ_WORKER_ARQ_QUEUES", "mail")
    monkeypatch.setenv("MONARQ_WORKER_BURST", "1")
    monkeypatch.setenv("MONARQ_REDIS", "redis://elsewhere")
    with app.make_context("monarq", ["worker", "x"], auto_envvar_prefix="MONARQ") as group:
        command = app.get_command(group, "worker")
        assert isinstance(command, click.Command)
        with command.make_context("worker", ["x"], parent=group) as context:
            assert context.params["concurrency"] == 7
            assert context.params["queues"] == (QueueRef("high", "native"), QueueRef("low", "native"))
            assert context.params["arq_queues"] == (arq_queue("mail"),)
            assert context.params["burst"] is True
            assert context.params["redis"] == "redis://elsewhere"


def test_the_version(cli: Cli) -> None:
    version = import_module("monarq.shared.version").VERSION
    assert cli("--version").out == cli("-V").out == cli("worker", "-V").out == f"monarq {version}\n"


def test_help_imports_nothing_heavy() -> None:
    code = "import sys, monarq.cli.app as a; a.run(['--help']); print(sorted(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    loaded = shown.splitlines()[-1]
    for heavy in ("'redis'", "'rich'", "'msgspec'", "'arq'", "'uvloop'", "'asyncio'", "'psutil'"):
        assert heavy not in loaded


def test_supervisors_and_workers_start_without_redis_py() -> None:
    """A supervisor needs it for recoveries alone; a worker imports it with its target, once it hears its supervisor."""
    code = "import sys, monarq.cli.worker.pool, monarq.workers.process.main; print(sorted(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for heavy in ("'redis'", "'arq'", "'starlette'"):
        assert heavy not in shown
