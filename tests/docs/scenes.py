"""What must be there before a block makes sense: jobs that have failed, run or wait. `setup` marks call these."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from monarq import Handle, Producer, SyncProducer, named
from tests.support.slowness import in_time

MODULE: Final = "scene"
JOBS: Final = """
import asyncio
from monarq import Fixed, job

@job
async def send(to: str) -> None:
    if to.startswith("busy"):
        await asyncio.sleep(600)
    raise ConnectionError("smtp.example.com refused the connection")

@job(retry=Fixed(1, "10m"), retry_on=TimeoutError)
async def resize(path: str, width: int = 100) -> None:
    if path.endswith(".txt"):
        raise ValueError(f"{path} is not an image")
    raise TimeoutError("no answer from images.example.com")

@job
async def send_mail(to: str) -> None:
    await asyncio.sleep(600)

@job
async def ping() -> str:
    return "pong"
"""


def app(name: str = MODULE) -> None:
    """Writes a module with some jobs into the page's folder."""
    Path(f"{name}.py").write_text(JOBS)


def burst() -> None:
    """Runs what is due in the default queue."""
    run("monarq", "worker", MODULE, "--burst")


def run(*command: str) -> str:
    """Runs a command to its end; what it prints."""
    words = [sys.executable, "-m", "monarq", *command[1:]] if command[0] == "monarq" else list(command)
    ended = subprocess.run(words, check=False, capture_output=True, text=True)
    assert ended.returncode in {0, 1}, ended.stderr  # a burst ends with 1 where jobs have failed
    return ended.stdout


def dead_letters() -> None:
    """Four jobs have died."""
    app()
    with SyncProducer() as producer:
        for name in ("ann", "ben", "cat"):
            producer.enqueue(named("send").options(job_id=name), f"{name}@example.com")
        producer.enqueue("resize", "cat.txt")
    burst()


async def three_jobs() -> None:
    """A worker of one place has tried one job, and runs another, while a third one waits."""
    tried = await enqueue("resize", "cat.png", width=200, job_id="cat")
    await _until_state(tried, "deferred")
    await _until_state(await enqueue("send", "busy@example.com", job_id="ann"), "running")
    await enqueue("send", "ben@example.com", job_id="ben")
    async with in_time(20):  # since when a job runs is known with its worker's next record
        while " for " not in run("monarq", "jobs", "list", "--state", "running"):
            await asyncio.sleep(0.2)


async def _until_state(handle: Handle[Any], state: str) -> None:
    async with in_time(20):
        while await handle.state() != state:
            await asyncio.sleep(0.05)


async def enqueue(name: str, *args: Any, job_id: str, **kwargs: Any) -> Handle[Any]:
    """Enqueues a job by its name."""
    producer = Producer()
    return await producer.enqueue(named(name).options(job_id=job_id), *args, **kwargs)
