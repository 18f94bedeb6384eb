"""`monarq workers`: what it tells of real workers, and that it fits every screen."""

from __future__ import annotations

import dataclasses
import io
import json
from typing import Any

import pytest
from redis.asyncio import Redis
from rich.console import Console, RenderableType

from monarq.cli.terminal.worker_table import memory, render_workers
from monarq.cli.workers.actions import render_jobs
from monarq.monitor.queues.workers import RunningJob, WorkerStats
from monarq.producer import Producer
from tests.cli.command import Cli, listed, until, worker
from tests.support.slowness import patience_s

WORKERS = (
    WorkerStats(
        *("a", "web-1.example.com", 12345, "0.1.0", 100, 100, 7503.0, 1_234_567, 0),
        queues=("arq:queue", "emails"),
        cpu_percent=193.4,
        memory_bytes=1_500 * 2**20,
        loop_lag_s=12.25,
        restarts=17,
        running_jobs=(
            RunningJob("5f0c", "send_mail", "emails", 1, 75.0),
            RunningJob("evil\x1b[2J", "<b>\x00", "q", 1, 3.0),
        ),
    ),
    WorkerStats("b", "web-2", 7, "0.1.0", 100, 0, 3.21, 12, 4, draining=True, queues=("arq:queue",), loop_lag_s=0.004),
    WorkerStats("c", "web-3", 8, "0.1.0", 100, 0, 3.21, 12, 4, alive=False, queues=("arq:queue",)),
)


def lines(shown: RenderableType, width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(shown)
    assert isinstance(console.file, io.StringIO)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]


@pytest.mark.parametrize("width", [40, 63, 64, 80, 99, 100, 120, 200])
def test_nothing_is_wider_than_the_screen_and_no_number_is_cut(width: int) -> None:
    shown = lines(render_workers(WORKERS, width=width), width)
    assert max(map(len, shown)) <= width
    assert len(shown) >= 4
    for value in ("12345", "100/100", "193%", "2h05m", "drains", "gone"):
        assert value in "\n".join(shown)
    if width >= 64:
        for value in ("1.5GB", "12s", "4ms", "17"):
            assert value in "\n".join(shown)


def test_a_row_with_everything() -> None:
    shown = lines(render_workers(WORKERS, width=200), 200)
    assert shown[0].split() == [
        *("worker", "on", "pid", "version", "running", "cpu", "memory", "lag", "up", "restarts", "state", "queues")
    ]
    assert shown[1].split() == [
        *("web-1.example.com", "12345", "0.1.0", "100/100", "193%", "1.5GB", "12s", "2h05m", "17", "alive"),
        *("arq:queue,", "emails"),
    ]


@pytest.mark.parametrize("width", [40, 80, 200])
def test_abandoned_threads_have_a_column_where_there_are_any(width: int) -> None:
    hung = dataclasses.replace(WORKERS[1], abandoned_threads=37)
    assert "37" in "\n".join(lines(render_workers([*WORKERS[:1], hung], width=width), width))
    assert not any("abandoned" in line for line in lines(render_workers(WORKERS, width=width), width))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_cpu_jobs_have_a_column_where_there_is_a_lane_for_them(width: int) -> None:
    busy = dataclasses.replace(WORKERS[1], running=4, cpu_running=1, cpu_places=1)
    shown = lines(render_workers([*WORKERS[:1], busy], width=width), width)
    assert "io jobs" in shown[0]
    assert "cpu jobs" in shown[0]
    assert "running" not in shown[0]
    assert "3/100" in shown[2]
    assert "1/1" in shown[2]
    assert "100/100" in shown[1]
    assert not any("cpu jobs" in line for line in lines(render_workers(WORKERS, width=width), width))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_running_jobs_oldest_first_and_without_control_codes(width: int) -> None:
    shown = lines(render_jobs(WORKERS, width=width), width)
    text = "\n".join(shown)
    assert shown[1].split()[:3] == ["1m15s", "5f0c", "send_mail"]
    assert "\x1b" not in text
    assert "\x00" not in text
    assert shown[-1] == "and 98 more"
    assert ("web-1.example.com:12345" in text) == (width >= 64)


def test_sizes() -> None:
    assert [memory(size * 2**20) for size in (0, 85, 999, 1024, 1500)] == ["0MB", "85MB", "999MB", "1.0GB", "1.5GB"]


async def test_without_workers_it_says_how_to_start_one(redis: Redis, cli_here: Cli) -> None:
    ended = await cli_here("workers", "--jobs")
    assert (ended.code, ended.out) == (0, "no worker; start one:  monarq worker TARGET\n")
    ended = await cli_here("workers", "--json")
    assert (ended.code, ended.out) == (0, '{"workers":[]}\n')


async def test_a_real_worker_and_its_running_job(redis: Redis, redis_url: str, cli_here: Cli) -> None:
    async def told() -> Any:
        [found] = json.loads((await cli_here("workers", "--json")).out)["workers"]
        return found

    async def runs() -> bool:
        return bool((await told())["running"])

    async with (
        Producer(redis_url) as producer,
        worker(redis_url, "tests.cli.target", "--lease", "1", "--grace", "1"),
    ):
        handle = await producer.enqueue("wait_ms", 60_000)
        await listed(redis)
        await until(runs)
        found = await told()
        shown = await cli_here("workers", "--jobs")
        await handle.cancel(timeout=patience_s(10))
    assert set(found) == set(WorkerStats.__dataclass_fields__)
    [running] = found["running_jobs"]
    assert set(running) == set(RunningJob.__dataclass_fields__)
    assert (running["job_id"], running["name"], running["queue"]) == (handle.job_id, "wait_ms", "default")
    assert 0 <= running["age_s"] < 20
    assert 20 * 2**20 < found["memory_bytes"] < 2**30
    assert (found["restarts"], found["alive"], found["draining"]) == (0, True, False)
    assert shown.code == 0
    assert handle.job_id in shown.out
    assert "\x1b" not in shown.out


async def test_help_names_every_field(cli_here: Cli) -> None:
    shown = (await cli_here("workers", "--help")).out
    for field in (*WorkerStats.__dataclass_fields__, *RunningJob.__dataclass_fields__):
        assert field in shown
