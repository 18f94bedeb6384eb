"""The pytest plugin, in test runs of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from tests.support.slowness import patience_s

ROOT = Path(__file__).parents[2]
ONE_LOOP_A_TEST = ["-o", "asyncio_default_fixture_loop_scope=function"]
ASYNC_TEST = """
    import pytest
    from monarq import Producer, job

    @job
    async def send(to: str) -> str:
        return to

    {mark}
    async def test_signup(monarq):
        async with Producer() as producer:
            handle = await producer.enqueue(send, "a@b")
            monarq.assert_enqueued(send, "a@b")
            await monarq.drain()
            assert await handle.result() == "a@b"

    {mark}
    async def test_another_loop(monarq):
        assert monarq.enqueued() == []
"""


def run_pytest(folder: Path, text: str, *options: str, config: str = "") -> str:
    """Runs a file of tests; see `run_pytest_in`."""
    (folder / "test_it.py").write_text(dedent(text))
    (folder / "pyproject.toml").write_text(dedent(config))
    return run_pytest_in(folder, *options)


def run_pytest_in(folder: Path, *options: str) -> str:
    """Runs the tests of a folder by pytest, without the configuration of this run."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(folder), *options]
    if "monarq.testing.plugin" not in _plugins():
        command[3:3] = ["-p", "monarq.testing.plugin"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=patience_s(60))
    return f"{done.stdout}{done.stderr}\nexit code {done.returncode}"


def _plugins() -> list[str]:
    from importlib.metadata import entry_points

    return [each.value for each in entry_points(group="pytest11")]


@pytest.mark.parametrize(
    ("mark", "options"),
    [
        ("@pytest.mark.asyncio", ["-o", "asyncio_mode=strict", *ONE_LOOP_A_TEST]),
        ("", ["-o", "asyncio_mode=auto", *ONE_LOOP_A_TEST]),
        ("@pytest.mark.anyio", ["-p", "no:asyncio"]),
    ],
    ids=["pytest-asyncio strict", "pytest-asyncio auto", "anyio"],
)
def test_async_tests_of_each_plugin_for_them_have_the_fixture(tmp_path: Path, mark: str, options: list[str]) -> None:
    anyio = "\n    @pytest.fixture\n    def anyio_backend():\n        return 'asyncio'\n" if "anyio" in mark else ""
    found = run_pytest(tmp_path, ASYNC_TEST.format(mark=mark) + anyio, *options, "-W", "error")
    assert "2 passed" in found


def test_blocking_tests_need_no_plugin_at_all(tmp_path: Path) -> None:
    text = """
        from monarq import SyncProducer, job

        @job(lane="thread")
        def double(number: int) -> int:
            return 2 * number

        def test_it(monarq_sync):
            with SyncProducer() as producer:
                handle = producer.enqueue(double, 4)
                monarq_sync.drain()
                assert handle.result() == 8
    """
    assert "1 passed" in run_pytest(tmp_path, text, "-p", "no:asyncio", "-p", "no:anyio")


def test_a_blocking_test_with_the_fixture_of_an_async_one_fails(tmp_path: Path) -> None:
    text = """
        def test_it(monarq):
            monarq.drain()
    """
    found = run_pytest(tmp_path, text)
    assert "exit code 1" in found
    assert "uses the fixture monarq_sync" in found


def test_processes_of_xdist_have_a_redis_each(tmp_path: Path) -> None:
    text = """
        import os, pytest
        from monarq import SyncProducer, job

        @job(lane="thread")
        def double(number: int) -> int:
            return 2 * number

        @pytest.mark.parametrize("number", range(8))
        def test_it(monarq_sync, number):
            with open(os.environ["FOUND"], "a") as found:
                print(os.getpid(), monarq_sync.url, file=found)
            assert monarq_sync.enqueued() == []
            with SyncProducer() as producer:
                producer.enqueue(double, number)
                monarq_sync.assert_enqueued(double, number)
    """
    found = tmp_path / "found"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FOUND", str(found))
        assert "8 passed" in run_pytest(tmp_path, text, "-n", "2")
    servers = {tuple(line.split()) for line in found.read_text().splitlines()}
    assert len(servers) == len({pid for pid, _ in servers}) == len({url for _, url in servers}) == 2


def test_the_application_is_named_by_a_fixture_of_the_tests(tmp_path: Path) -> None:
    text = """
        import pytest, sys, types
        from monarq import SyncProducer, cron, job

        @job(lane="thread")
        def tick() -> None: ...

        @pytest.fixture
        def monarq_app():
            return [tick, cron(tick, "0 * * * *")]

        def test_it(monarq_sync):
            monarq_sync.travel(hours=1)
            assert [each.job_name for each in monarq_sync.drain()] == ["tick"]
    """
    assert "1 passed" in run_pytest(tmp_path, text)


def test_a_run_without_a_sandbox_imports_nothing_of_it(tmp_path: Path) -> None:
    text = """
        import sys

        def test_it():
            ours = ("monarq", "redis", "msgspec", "uvloop")
            loaded = {name for name in sys.modules if name.partition(".")[0] in ours}
            assert loaded == {"monarq", "monarq.testing", "monarq.testing.plugin"}
    """
    assert "1 passed" in run_pytest(tmp_path, text, "-p", "no:asyncio", "-p", "no:anyio")


def test_a_failing_assertion_shows_what_is_enqueued(tmp_path: Path) -> None:
    text = """
        from monarq import SyncProducer, job

        @job
        async def send(to: str) -> None: ...

        def test_it(monarq_sync):
            with SyncProducer() as producer:
                producer.enqueue(send, "a@b")
            monarq_sync.assert_enqueued(send, "c@d")
    """
    found = run_pytest(tmp_path, text)
    assert "send('c@d') is not enqueued" in found
    assert "send('a@b') on queue 'default'" in found


def test_the_server_and_the_application_are_named_in_pyproject_toml(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text("from monarq import job\n@job\nasync def send(to: str) -> str:\n    return to\n")
    text = """
        import sys
        from monarq import SyncProducer

        def test_it(monarq_sync):
            assert "shop" in sys.modules
            with SyncProducer() as producer:
                producer.enqueue("send", "a@b")
            assert [each.value for each in monarq_sync.drain()] == ["a@b"]
            from monarq.testing.server import sandbox_server
            assert "fakeredis" in sandbox_server("fakeredis").description
    """
    config = '[tool.monarq.testing]\ntarget = "shop"\nserver = "fakeredis"\n'
    assert "1 passed" in run_pytest(tmp_path, text, config=config)
