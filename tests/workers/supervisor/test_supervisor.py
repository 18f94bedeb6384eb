"""The supervisor, with real processes and signals, and workers that only pretend."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import psutil
import pytest

from monarq.workers.config.spec import WorkerSpec
from monarq.workers.control.messages import Ready
from tests.support.slowness import patience_s
from tests.workers.support.supervisor_process import pid_namespace_command, running_supervisor

QUICK_HANG = {"hang_timeout_s": 2.0, "dump_s": 1.0}


async def test_sigterm_drains_all_workers_once() -> None:
    async with running_supervisor("serve", workers=2) as pool:
        await pool.runs(2)
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert pool.count(": drain$") == pool.count(": is done") == 2
    assert pool.count("hand back") == 0


async def test_second_request_hands_back() -> None:
    async with running_supervisor("busy", workers=2) as pool:
        await pool.runs(2)
        pool.signal(signal.SIGTERM)
        await pool.line(": drain$")
        await pool.line(": drain$")
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert pool.count("hand back") == pool.count(": is done") == 2


async def test_ctrl_c_in_a_terminal_is_one_request() -> None:
    """It reaches the whole process group, of which the workers are no part."""
    async with running_supervisor("busy") as pool:
        [worker] = await pool.runs()
        assert os.getsid(worker) == os.getpgid(worker) == worker
        os.killpg(pool.pid, signal.SIGINT)
        await pool.line(": drain$")
        os.killpg(pool.pid, signal.SIGINT)
        await pool.line(": hand back")
        assert await pool.ends() == 0
    assert pool.count(": drain$") == 1


async def test_a_service_manager_that_signals_everyone_makes_one_request() -> None:
    async with running_supervisor("busy") as pool:
        [worker] = await pool.runs()
        os.kill(worker, signal.SIGTERM)
        pool.signal(signal.SIGTERM)
        os.kill(worker, signal.SIGTERM)
        await pool.line("supervisor INFO stopping")
        await pool.line(": drain$")
        pool.signal(signal.SIGTERM)
        await pool.line(": hand back")
        assert await pool.ends() == 0
    before_second = pool.lines[: pool.lines.index(next(line for line in pool.lines if "stopping now" in line))]
    assert not any("hand back" in line for line in before_second)


async def test_two_signals_to_a_worker_itself_drain_and_hand_back() -> None:
    async with running_supervisor("busy") as pool:
        [worker] = await pool.runs()
        os.kill(worker, signal.SIGTERM)
        await pool.line(": drain$")
        await asyncio.sleep(1.1)  # signals that come closer together are one request
        os.kill(worker, signal.SIGTERM)
        await pool.line(": hand back")
        await pool.line("has ended: drained")
        [another] = await pool.runs()
        assert another != worker


async def test_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    async with running_supervisor("die-if-no-flag", flag=str(tmp_path / "flag")) as pool:
        [first] = await pool.runs()
        found = await pool.line(
            rf"ERROR worker 0 \(pid {first}\) is lost: its worker process was killed by SIGKILL"
            r" \(pid .*, (at most )?(\d+) MB\)"
        )
        # The kernel counts from what the one who started the pool held, which may be more than a worker ever does.
        assert int(found[2]) >= 100
        assert found[1] or int(found[2]) <= 300
        [second] = await pool.runs()
        assert second != first
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0


async def test_what_the_jobs_of_a_dead_worker_have_started_ends_too(tmp_path: Path) -> None:
    async with running_supervisor("start-a-program-and-die", flag=str(tmp_path / "flag")) as pool:
        await pool.runs(2)
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0  # also waits for the program: it holds the pipe


async def test_pauses_between_restarts_grow() -> None:
    async with running_supervisor("die") as pool:
        await pool.line("is lost: its worker process ended with exit code 3")
        first_s = time.monotonic()
        for _ in range(4):
            await pool.line("is lost")
        # At least half of 0.1 + 0.2 + 0.4 + 0.8 s: see monarq.shared.redis.backoff.
        assert time.monotonic() - first_s >= 0.75
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0


async def test_workers_that_cannot_start_end_the_pool() -> None:
    async with running_supervisor("refuse", workers=3) as pool:
        assert await pool.ends() == 2
    assert pool.count("ERROR the flux is 0; it must be 1 or more") == 1
    assert pool.count("is lost|Traceback") == 0


async def test_a_reason_not_to_start_that_comes_later_may_pass(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    async with running_supervisor("refuse-if-flag", flag=str(flag)) as pool:
        [worker] = await pool.runs()
        flag.touch()
        os.kill(worker, signal.SIGTERM)
        await pool.line("could not start; retrying: the flux is 0")
        flag.unlink()
        await pool.runs()
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0


async def test_burst_ends_when_all_workers_have() -> None:
    async with running_supervisor("burst", workers=2) as pool:
        assert await pool.ends() == 0
    assert pool.count(": runs") == pool.count("has ended: burst") == 2


@pytest.mark.parametrize("target", ["hang", "hang-with-the-lock"])
async def test_hung_worker_shows_its_stacks_and_is_replaced(target: str, tmp_path: Path) -> None:
    async with running_supervisor(target, limits=QUICK_HANG, flag=str(tmp_path / "flag")) as pool:
        await pool.runs()
        await pool.line("WARNING .* has sent no heartbeat for 1 s")
        await pool.line("ERROR .* sent no heartbeat for 2 s and is killed")
        await pool.line("do_hang")
        await pool.line("is lost: its event loop hung for 2 s")
        await pool.runs()
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0


async def test_time_in_which_the_supervisor_was_stopped_does_not_count() -> None:
    async with running_supervisor("serve", limits=QUICK_HANG) as pool:
        [worker] = await pool.runs()
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in (pool.pid, worker):
                os.kill(pid, number)
            await asyncio.sleep(3.0 if number is signal.SIGSTOP else 0.6)
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert pool.count("and is killed") == 0


async def test_worker_that_does_not_stop_is_killed() -> None:
    async with running_supervisor("deaf", limits={"kill_after_s": 0.3}, grace_s=0.3) as pool:
        await pool.runs()
        pool.signal(signal.SIGTERM)
        await pool.line("did not stop in time and is killed")
        assert await pool.ends() == 0


async def test_threads_left_behind_do_not_keep_a_worker() -> None:
    async with running_supervisor("leave-a-thread") as pool:
        await pool.runs()
        pool.signal(signal.SIGTERM)
        stopped_s = time.monotonic()
        await pool.line("still running in it: left-thread")
        assert await pool.ends() == 0
        assert time.monotonic() - stopped_s < patience_s(5)
    assert pool.count("has ended: drained") == 1


async def test_workers_drain_when_their_supervisor_is_killed() -> None:
    async with running_supervisor("serve", workers=2) as pool:
        await pool.runs(2)
        pool.signal(signal.SIGKILL)
        assert await pool.ends() == -signal.SIGKILL  # also waits for the workers: they hold the pipe
    assert pool.count(": is done") == 2


async def test_hung_worker_ends_too_when_its_supervisor_is_killed(tmp_path: Path) -> None:
    async with running_supervisor("hang", flag=str(tmp_path / "flag"), grace_s=0.1) as pool:
        await pool.runs()
        pool.signal(signal.SIGKILL)
        await pool.ends()


async def test_sighup_replaces_the_workers_one_by_one() -> None:
    async with running_supervisor("serve", workers=2) as pool:
        first = await pool.runs(2)
        pool.signal(signal.SIGHUP)
        await pool.line("rolling restart: done")
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    printed = [line.split(": ") for line in pool.lines if line.startswith("fake-") and not line.endswith("runs")]
    assert [what for _, what in printed[:8]] == [
        "is up",
        "is up",
        "is up",
        "drain",
        "is done",
        "is up",
        "drain",
        "is done",
    ]
    assert {int(who.split()[1]) for who, what in printed[:8] if what == "is done"} == set(first)


async def test_sighup_during_a_rolling_restart_makes_another() -> None:
    async with running_supervisor("serve") as pool:
        await pool.runs()
        pool.signal(signal.SIGHUP)
        await pool.line("rolling restart: each worker")
        pool.signal(signal.SIGHUP)
        for _ in range(2):
            await pool.line("rolling restart: done")
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert pool.count(": is up") == 3


async def test_rolling_restart_leaves_the_old_workers_when_new_ones_do_not_start(tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    async with running_supervisor("refuse-if-flag", workers=2, flag=str(flag)) as pool:
        first = await pool.runs(2)
        flag.touch()
        pool.signal(signal.SIGHUP)
        await pool.line("could not start: the flux is 0")
        await pool.line("rolling restart: stopped")
        for worker in first:
            os.kill(worker, 0)
        assert pool.count(": drain$") == 0
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert pool.count(": is done") == 2


async def test_closing_the_terminal_stops_the_pool() -> None:
    """That sends SIGHUP too, which is no order to restart then."""
    master, slave = os.openpty()
    async with running_supervisor("serve", terminal=os.ttyname(slave)) as pool:
        await pool.runs()
        os.close(slave)
        os.close(master)
        assert await pool.ends() == 0
    assert pool.count(": is done") == 1
    assert pool.count("rolling restart") == 0


async def test_orphans_are_reaped() -> None:
    async with running_supervisor("leave-an-orphan", workers=2, subreaper=True) as pool:
        await pool.runs(2)
        await pool.orphans_reaped(2)
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0


async def test_as_pid_1() -> None:
    """PID 1 inherits every orphan, and the kernel does not stop it by a signal that it does not handle."""
    wrapper = pid_namespace_command()
    async with running_supervisor("leave-an-orphan", wrapper=wrapper, subreaper=not wrapper) as pool:
        await pool.runs()
        await pool.orphans_reaped(1)
        supervisor = psutil.Process(pool.pid)
        [supervisor] = supervisor.children() if wrapper else [supervisor]
        supervisor.terminate()
        await pool.line(": is done")
        assert await pool.ends() == 0


async def test_secrets_are_in_no_command_line_environment_or_output() -> None:
    async with running_supervisor("serve", redis_url="redis://:s3cret@localhost:1") as pool:
        [worker] = await pool.runs()
        process = psutil.Process(worker)
        assert "s3cret" not in " ".join([*process.cmdline(), *process.environ().values()])
        pool.signal(signal.SIGTERM)
        assert await pool.ends() == 0
    assert pool.count("s3cret") == 0
    assert "s3cret" not in repr(WorkerSpec("app", "redis://:s3cret@localhost:1"))
    assert "s3cret" not in repr(Ready("id", [], 1.0, 1.0, "redis://:s3cret@localhost:1"))
