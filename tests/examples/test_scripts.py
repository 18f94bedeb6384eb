"""The examples as scripts, beside workers that run, and where there are none."""

from __future__ import annotations

import pytest

from monarq.embedded import EmbeddedRedis
from monarq.examples.harness.pool import LocalPool
from tests.examples.test_pool import Start

EXAMPLES = ["network", "files", "interface", "cpu", "responsive"]


def test_an_example_runs_beside_workers(start: Start, pool: LocalPool) -> None:
    code, out, err = start("-m", "examples.network", "--redis", pool.url).finish()
    assert (code, err) == (0, "")
    assert out.startswith("2 workers on unix://")
    assert "network: HTTP, 60 ms each" in out
    assert "Both ways came to the same results" in out


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_without_workers_says_what_to_do(start: Start, name: str) -> None:
    with EmbeddedRedis() as empty:
        code, out, err = start("-m", f"examples.{name}", "--redis", empty.url).finish()
    assert code == 2
    assert "start `monarq worker examples.jobs` in another terminal, or give --pool" in " ".join(err.split())
    assert (out, "Traceback" in err) == ("", False)


def test_an_example_without_redis_says_what_to_do(start: Start) -> None:
    code, out, err = start("-m", "examples.cpu", "--redis", "redis://127.0.0.1:1").finish()
    assert code == 2
    assert "Redis at redis://127.0.0.1:1 cannot be reached" in " ".join(err.split())
    assert (out, "Traceback" in err) == ("", False)


@pytest.mark.parametrize("name", EXAMPLES)
def test_help_says_what_an_example_shows(start: Start, name: str) -> None:
    code, out, _ = start("-m", f"examples.{name}", "--help").finish()
    assert code == 0
    assert f"python -m examples.{name}" in out
