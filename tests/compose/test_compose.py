"""The compose file on a real Docker engine: workers scaled up, and down while they run the producer's jobs."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from tests.support.slowness import patience_s

ROOT = Path(__file__).parents[2]
ENGINE = Path(__file__).with_name("engine")
JOBS = 2000

# A grace that is shorter than the waiting jobs, so that scaling down hands some of them back.
SETTINGS = {
    "MONARQ_WORKER_GRACE": "1",
    "MONARQ_WAIT_MS": "4000",
    "MONARQ_JOBS": str(JOBS),
    "MONARQ_WEB_TOKEN": "token-of-the-test",
    "MONARQ_WEB_PORT": "18080",
}


def docker(*args: str, timeout_s: float = 600) -> str:
    """Runs docker in the project's folder, and gives what it printed."""
    ended = subprocess.run(
        ["docker", *args],
        cwd=ROOT,
        env=os.environ | SETTINGS,
        timeout=timeout_s,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, f"docker {' '.join(args)}: {ended.stdout}{ended.stderr}"
    return ended.stdout


@pytest.fixture(scope="module")
def engine() -> Iterator[None]:
    """The engine that is there, else one that is brought up for the test."""
    if subprocess.run(["docker", "version"], capture_output=True, check=False).returncode == 0:
        yield
        return
    subprocess.run([ENGINE, "up"], check=True)
    yield
    subprocess.run([ENGINE, "down"], check=True)


@pytest.fixture
def services(engine: None) -> Iterator[None]:
    """Redis and three workers."""
    docker("compose", "up", "--detach", "--build", "--wait", "--scale", "worker=3")
    yield
    docker("compose", "--profile", "producer", "--profile", "web", "down", "--volumes", "--timeout", "5")


def stats() -> dict[str, Any]:
    """What `monarq stats` in a worker says of the default queue."""
    said = docker("compose", "exec", "-T", "worker", "monarq", "stats", "--json")
    queue: dict[str, Any] = json.loads(said)["queues"][0]
    return queue


@pytest.mark.timeout(900)
def test_jobs_end_while_workers_are_scaled_down(services: None) -> None:
    producer = subprocess.Popen(
        ["docker", "compose", "run", "--rm", "-T", "producer"], cwd=ROOT, env=os.environ | SETTINGS, text=True
    )
    deadline = time.monotonic() + 60
    while stats()["running"] < JOBS // 20:
        assert time.monotonic() < deadline, "the jobs were not started"
    docker("compose", "up", "--detach", "--no-recreate", "--scale", "worker=1")
    assert producer.wait(timeout=patience_s(120)) == 0
    seen = stats()
    assert (seen["queued"], seen["running"], seen["succeeded"], seen["failed"]) == (0, 0, JOBS, 0)
    assert seen["crashed"] == 0
    ids = docker("compose", "ps", "--quiet", "worker").split()
    assert len(ids) == 1


@pytest.mark.timeout(300)
def test_worker_runs_as_nobody_special_and_stops_in_order(services: None) -> None:
    assert docker("compose", "exec", "-T", "worker", "id", "-u").strip() == "10001"
    name = docker("compose", "ps", "--quiet", "worker").split()[0]
    docker("stop", name)
    assert docker("inspect", "--format", "{{.State.ExitCode}}", name).strip() == "0"


@pytest.mark.timeout(300)
def test_the_page_is_served_to_this_machine_and_wants_the_token(services: None) -> None:
    docker("compose", "--profile", "web", "up", "--detach", "--wait", "web")
    page = "http://127.0.0.1:18080/"
    with pytest.raises(HTTPError, match="401"):
        urlopen(page, timeout=10)
    wanted = Request(page, headers={"Authorization": f"Bearer {SETTINGS['MONARQ_WEB_TOKEN']}"})
    with urlopen(wanted, timeout=10) as reply:
        assert "monarq" in reply.read().decode()


@pytest.mark.timeout(300)
def test_a_changed_file_reaches_the_workers(services: None) -> None:
    added = ROOT / "examples" / "added_by_the_compose_test.py"
    command = ["docker", "compose", "watch", "--no-up"]
    env = os.environ | SETTINGS
    with subprocess.Popen(
        command, cwd=ROOT, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as watch:
        assert watch.stdout is not None
        try:
            said = iter(watch.stdout.readline, "")
            assert any("atch enabled" in line for line in said)
            added.write_text("HELLO = 1\n")
            assert any("yncing" in line for line in said)
            deadline = time.monotonic() + patience_s(60)
            seen = ("compose", "exec", "-T", "worker", "python", "-c", f"import examples.{added.stem}")
            while subprocess.run(["docker", *seen], cwd=ROOT, capture_output=True, check=False).returncode:
                assert time.monotonic() < deadline, "the file did not arrive"
                time.sleep(0.5)
        finally:
            added.unlink(missing_ok=True)
            watch.terminate()
