"""The real scripts on a real Redis do what the model does, and keep the promises, whatever happens in which order.

`MONARQ_MODEL=nightly` plays 50,000 examples of new random choices; otherwise a few hundred, always the same.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
import redis as blocking_redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from monarq.embedded import EmbeddedRedis
from monarq.shared.formats.arq.script import ArqScript
from tests.model.machine import QueueMachine

NIGHTLY: Final = os.environ.get("MONARQ_MODEL") == "nightly"
EXAMPLES: Final = 50_000 if NIGHTLY else 300
RULES: Final = settings(
    max_examples=EXAMPLES,
    stateful_step_count=50,
    deadline=None,
    database=None,
    derandomize=not NIGHTLY,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture
def machine(redis_server: EmbeddedRedis) -> Iterator[type[QueueMachine]]:
    with blocking_redis.Redis.from_url(redis_server.url, single_connection_client=True) as client:
        yield type("Machine", (QueueMachine,), {"client": client})
        client.flushdb()


@pytest.mark.timeout(6 * 3600 if NIGHTLY else 300)  # a failure is made smaller before it is shown
def test_scripts_do_what_the_model_does(machine: type[QueueMachine]) -> None:
    run_state_machine_as_test(machine, settings=RULES)


def test_a_job_inherits_nothing_from_an_expired_one_of_its_id(machine: type[QueueMachine]) -> None:
    """A way in which it did, found by chance: its place for a cpu lane."""
    play = machine()
    play.begin(lane_queue="cpu")
    play.is_as_promised()
    play.finish(back=0, success=True, keep=False, buried=False)
    play.pass_time(seconds=400)
    play.is_as_promised()
    play.enqueue(job_id="a", lane_queue="cpu", delayed=False, expires=True)
    play.is_as_promised()
    play.claim(worker="w1", lane_queue="cpu", limit=10, alone=None)
    play.is_as_promised()
    play.pass_time(seconds=400)
    play.is_as_promised()
    play.enqueue(job_id="a", lane_queue="io", delayed=False, expires=False)
    play.is_as_promised()
    play.claim(worker="w1", lane_queue="io", limit=10, alone=None)
    play.is_as_promised()
    assert [(lease.id, lease.tries) for lease in play.leases[3:]] == [("a", 0)]
    assert "a" not in play.seen.cpu


@dataclass(frozen=True, slots=True)
class Fault:
    """A script with a thought left out that chance finds soon. The tables of the scripts' own tests find the rest."""

    script: str
    right: str
    wrong: str

    def __str__(self) -> str:
        return f"{self.script}: {self.right}"


FAULTS: Final = [
    Fault("jobs/finish", "tokens[i] == token", "tokens[i]"),
    Fault("jobs/requeue", "tokens[i] == token", "tokens[i]"),
    Fault("jobs/crash", "tokens[i] == token", "tokens[i]"),
    Fault("workers/renew", "tokens[i] == token", "tokens[i]"),
    Fault("jobs/release_claim", "get(RUN .. id) == token", "true"),
    Fault("workers/recover", "owner ~= token", "false"),
    Fault("jobs/claim", "if owner then", "if false then"),
    Fault("jobs/claim", "if lease_is_over then", "if false then"),
    Fault("jobs/claim", ", REVOKED .. token", ""),
    Fault("jobs/claim", ", REVOKED .. worker", ""),
    Fault("jobs/claim", "tonumber(score) == 1 and not cancel_asked_ms", "false"),
    Fault("jobs/requeue", "redis.call('DEL', RUN .. id)", ""),
    Fault("jobs/requeue", "redis.pcall('ZREM', CPU, id)", ""),
    Fault("jobs/enqueue", "stored[1] == payload", "false"),
    Fault("jobs/cancel", "redis.call('EXISTS', RUN .. id) == 1 then\n    return 2", "false then\n    return 2"),
]


@pytest.mark.timeout(300)
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_a_fault_in_a_script_is_found(
    fault: Fault, machine: type[QueueMachine], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ArqScript.load(fault.script).source
    assert source.count(fault.right) == 1, "the script has changed: find the place of this thought in it"
    owner = {"jobs/release_claim": "jobs/claim"}.get(fault.script, fault.script).replace("/", ".")
    name = {"jobs/release_claim": "_RELEASE", "workers/recover": "_RECOVER"}.get(fault.script, "_SCRIPT")
    broken = ArqScript(fault.script, source.replace(fault.right, fault.wrong))
    monkeypatch.setattr(importlib.import_module(f"monarq.shared.formats.arq.{owner}"), name, broken)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(machine, settings=settings(RULES, max_examples=5 * EXAMPLES, phases=[Phase.generate]))
