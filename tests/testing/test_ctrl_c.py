"""Ctrl-C during a blocking drain: the test hears of it at once, and the sandbox remains usable."""

from __future__ import annotations

import asyncio
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

from tests.support.command import ROOT, environment
from tests.support.slowness import in_time

PROGRAM = """
import asyncio, sys, time
where, raise_errors = sys.argv[1:]
if where.endswith("django"):
    import django
from monarq import SyncProducer, job
from monarq.testing import SyncSandbox

calls = []

def first():
    calls.append(1)
    if len(calls) == 1:
        print("running", flush=True)
        return True

@job
async def in_loop():
    if first():
        await asyncio.sleep(3600)

@job(lane="thread")
def in_thread():
    if first():
        time.sleep(3600)

@job
def in_cpu_lane():
    if first():
        time.sleep(3600)

@job
async def blocks_the_loop():
    if first():
        time.sleep(3600)

@job
async def comes_after():
    print("the drain went on", flush=True)

@job(name="comes_after_it")
def comes_after_in_cpu_lane():
    print("the drain went on", flush=True)

chosen = globals()[where.removesuffix("_django")]
with SyncSandbox() as sandbox:
    with SyncProducer() as producer:
        producer.enqueue(chosen)
        producer.enqueue(comes_after_in_cpu_lane if chosen is in_cpu_lane else comes_after)
    try:
        sandbox.drain(raise_errors=raise_errors == "raise")
    except KeyboardInterrupt:
        print("interrupted", flush=True)
    if chosen is not blocks_the_loop:
        print("left", sorted(each.job_name for each in sandbox.enqueued()))
        ended = sandbox.drain()
        print("ended", sorted(each.job_name for each in ended))
print("closed", flush=True)
"""


@pytest.mark.parametrize(
    ("where", "raise_errors"),
    [
        ("in_loop", "raise"),
        ("in_thread", "raise"),
        ("in_thread", "keep"),
        ("in_cpu_lane", "raise"),
        ("in_loop_django", "raise"),
        ("in_thread_django", "raise"),
    ],
)
async def test_ctrl_c_ends_the_drain_and_its_job_stays_enqueued(tmp_path: Path, where: str, raise_errors: str) -> None:
    name = where.removesuffix("_django")
    both = sorted(["comes_after_it" if name == "in_cpu_lane" else "comes_after", name])
    assert await interrupted(tmp_path, where, raise_errors) == [
        "interrupted",
        f"left {both}",
        "the drain went on",
        f"ended {both}",
        "closed",
    ]


async def test_a_job_that_blocks_the_event_loop_does_not_keep_ctrl_c_from_the_test(tmp_path: Path) -> None:
    assert await interrupted(tmp_path, "blocks_the_loop", "raise") == ["interrupted", "closed"]


async def interrupted(folder: Path, *arguments: str) -> list[str]:
    """The lines that the program prints after a Ctrl-C in its job."""
    (folder / "program.py").write_text(PROGRAM)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, str(folder / "program.py"), *arguments),
        env=environment("", {"PYTHONPATH": str(ROOT)}),
        stdin=DEVNULL,
        stdout=PIPE,
        stderr=PIPE,
    )
    assert process.stdout is not None
    try:
        async with in_time(40):
            while (line := await process.stdout.readline()) != b"running\n":
                assert line, (await process.communicate())[1].decode()
            process.send_signal(signal.SIGINT)
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, err.decode()
    return out.decode().splitlines()
