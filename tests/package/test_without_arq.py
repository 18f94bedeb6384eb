"""Where arq is not installed, only `monarq.arq` and settings written for arq do not work, and say what to install."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from redis.asyncio import Redis

from monarq.shared.extras import install_command
from tests.support.slowness import patience_s

ROOT: Final = Path(__file__).parents[2]

NO_ARQ: Final = """
import sys
sys.modules["arq"] = None  # from now on an import of it fails as that of a package that is not there
"""

JOBS: Final = """
from monarq import Queue, Retry, job

@job
async def add(a: int, b: int) -> int:
    return a + b

@job
def power(a: int, b: int) -> int:
    return a**b

@job(queue=Queue("arq:queue", format="arq"))
async def old(a: int) -> int:
    return -a

@job
async def again() -> None:
    raise Retry(defer=0)

class WorkerSettings:
    functions = []
"""

SCRIPT: Final = """
import asyncio, sys
import jobs
from monarq import JobDeadError, Producer, SyncProducer

async def main():
    async with Producer() as producer:
        calls = ((jobs.add, 1, 2), (jobs.power, 2, 5), (jobs.old, 7))
        handles = [await producer.enqueue(job, *args) for job, *args in calls]
        print([await handle.result(timeout=float(sys.argv[1])) for handle in handles])
        try:
            await (await producer.enqueue(jobs.again)).result(timeout=float(sys.argv[1]))
        except JobDeadError as error:
            print(error)

asyncio.run(main())
with SyncProducer() as producer:
    print(producer.enqueue(jobs.add, 3, 4).result(timeout=float(sys.argv[1])))
assert sys.modules["arq"] is None
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A program, and what keeps each Python that runs in it from importing arq."""
    (tmp_path / "sitecustomize.py").write_text(NO_ARQ)
    (tmp_path / "jobs.py").write_text(JOBS)
    (tmp_path / "produce.py").write_text(SCRIPT)
    (tmp_path / "importing.py").write_text("from arq import cron\n")
    (tmp_path / "importing_ours.py").write_text("\nfrom monarq.arq import cron\n")
    return tmp_path


def environment(folder: Path, url: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": f"{folder}:{ROOT}", "REDIS_URL": url}


async def run(folder: Path, url: str, *command: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        cwd=folder,
        env=environment(folder, url),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), patience_s(60))
    return process.returncode, out.decode(), err.decode()


async def test_the_core_imports_nothing_of_arq(folder: Path, redis_url: str, redis: Redis) -> None:
    worker = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "monarq", "worker", "jobs", "-w", "1", "-q", "default", "--arq-queue", "arq:queue"),
        "--allow-pickle",
        cwd=folder,
        env=environment(folder, redis_url),
    )
    try:
        code, out, err = await run(folder, redis_url, "produce.py", str(patience_s(30)))
        assert (code, err) == (0, "")
        plain, failure, blocking = out.splitlines()
        assert plain == "[3, 32, -7]"
        assert "again" in failure
        assert blocking == "7"
        code, out, err = await run(folder, redis_url, "-m", "monarq", "stats", "--json")
        assert (code, err) == (0, "")
        assert {queue["queue"] for queue in json.loads(out)["queues"]} >= {"default", "arq:queue"}
        code, out, err = await run(folder, redis_url, "-m", "monarq", "worker", "jobs", "--check")
        assert code == 0, err
    finally:
        worker.terminate()
        assert await asyncio.wait_for(worker.wait(), patience_s(30)) == 0


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("jobs.WorkerSettings", "jobs.WorkerSettings, taken for settings written for arq, needs the package arq: "),
        ("importing", "importing cannot be imported: it needs the package arq: "),
        ("importing_ours", "importing_ours cannot be imported: it needs the package arq: "),
    ],
)
async def test_a_target_that_needs_arq_says_what_to_install(folder: Path, target: str, says: str) -> None:
    code, _, err = await run(folder, "redis://127.0.0.1:1", "-m", "monarq", "worker", target, "--check")
    assert code == 2
    assert f"{says}{install_command('arq')}" in err
    assert "Traceback" not in err


async def test_monarq_arq_says_what_to_install(folder: Path) -> None:
    code, _, err = await run(folder, "redis://127.0.0.1:1", "-c", "from monarq.arq import create_pool")
    assert code == 1
    wanted = re.escape(f"ModuleNotFoundError: monarq.arq needs the package arq: {install_command('arq')}")
    assert re.search(f"^{wanted}$", err, re.MULTILINE)
