"""The cpu lane runs the function that was declared, as the other lanes do, or the worker does not start."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.decorators import job
from tests.support.workers import make_worker, put, result_of, run_burst
from tests.workers.lanes import odd_jobs as jobs

IN_A_SCRIPT = """
from monarq.shared.jobs.decorators import job
from monarq.shared.errors import DeclarationError
from tests.support.workers import make_worker

@job
def resize() -> None: ...

try:
    make_worker("redis://localhost", [resize])
except DeclarationError as error:
    print(error)
"""


@pytest.mark.parametrize("number", range(len(jobs.DECLARED)), ids=[each.name for each in jobs.DECLARED])
async def test_the_function_that_was_declared_is_run(redis: Redis, redis_url: str, number: int) -> None:
    declared = jobs.DECLARED[number]
    await put(redis, declared, 7, job_id="one")
    await run_burst(redis_url, jobs.DECLARED)
    expected = declared.function(7)
    assert (await result_of(redis, "one")).value == (list(expected) if isinstance(expected, tuple) else expected)


def test_a_job_that_is_not_the_one_of_its_name_is_refused() -> None:
    first = job(name="twice")(jobs.audited(jobs.resize))
    job(name="twice")(jobs.audited(jobs.resize))
    with pytest.raises(DeclarationError, match="the cpu job 'twice' cannot be found by the process that is to run it"):
        make_worker("redis://localhost", [first])


def test_a_job_of_the_script_that_is_run_is_refused() -> None:
    ran = subprocess.run(
        [sys.executable, "-c", IN_A_SCRIPT], cwd=Path(__file__).parents[3], capture_output=True, check=False
    )
    assert b"the cpu job 'resize' cannot be found" in ran.stdout
    assert b"a module that can be imported" in ran.stdout
