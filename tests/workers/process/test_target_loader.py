"""The target of a worker: it warns which of its jobs belong to queues that the worker does not serve."""

from __future__ import annotations

import sys
from types import ModuleType

import pytest

from monarq import job
from monarq.shared.errors import TargetError
from monarq.workers.config.spec import WorkerSpec
from monarq.workers.process.main import build_worker
from monarq.workers.process.target_loader import load_target


@job(queue="mail")
async def invoice() -> None: ...


@job(queue="mail")
async def remind() -> None: ...


@job(queue="many images")
def crop() -> None: ...


@job
async def anywhere() -> None: ...


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> str:
    module = ModuleType("jobs_of_several_queues")
    vars(module).update(invoice=invoice, remind=remind, crop=crop, anywhere=anywhere)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module.__name__


def warnings_of(caplog: pytest.LogCaptureFixture, spec: WorkerSpec) -> list[str]:
    build_worker(spec, lambda: None)
    return [record.getMessage() for record in caplog.records if record.name == "monarq.worker"]


@pytest.mark.parametrize(
    ("queues", "told"),
    [
        (
            None,
            "mail (invoice, remind); many images (crop); to serve all: -q default -q mail -q 'many images'",
        ),
        (
            [["mail", "arq"]],
            ("mail (invoice, remind); many images (crop); to serve all: --arq-queue mail -q mail -q 'many images'"),
        ),
        (["mail"], "many images (crop); to serve all: -q mail -q 'many images'"),
    ],
    ids=["the default queue", "another of one's name", "one of them"],
)
def test_one_line_names_jobs_and_options(
    target: str, caplog: pytest.LogCaptureFixture, queues: list[object] | None, told: str
) -> None:
    overrides = {} if queues is None else {"queues": queues}
    [line] = warnings_of(caplog, WorkerSpec(target, "redis://localhost:1", overrides))
    assert line == f"this worker does not serve the queues of some of its jobs: {told}"


def test_nothing_is_said_where_all_are_served_or_another_worker_of_the_pool_says_it(
    target: str, caplog: pytest.LogCaptureFixture
) -> None:
    assert warnings_of(caplog, WorkerSpec(target, None, {"queues": ["mail", "many images", "default"]})) == []
    assert warnings_of(caplog, WorkerSpec(target, None, warns_for_pool=False)) == []


@job(name="loader.idle", retry_on=OSError)
async def idle() -> None: ...


@job(name="loader.gives_up", give_up_on=OSError)
async def gives_up() -> None: ...


@job(name="loader.retried", retry_on=OSError, retry=3)
async def retried() -> None: ...


def test_jobs_that_say_what_is_retried_but_have_no_retries_are_named(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    module = ModuleType("jobs_without_retries")
    vars(module).update(idle=idle, gives_up=gives_up, retried=retried, anywhere=anywhere)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    [line] = warnings_of(caplog, WorkerSpec(module.__name__, "redis://localhost:1"))
    assert line.startswith("loader.idle, loader.gives_up have retry_on or give_up_on, but no retry, so they are not")
    caplog.clear()
    assert warnings_of(caplog, WorkerSpec(module.__name__, "redis://localhost:1", {"retry": 2})) == []


@pytest.mark.parametrize("path", ["{}:anywhere", "{}.anywhere"])
def test_a_job_is_not_the_target_of_a_worker(target: str, path: str) -> None:
    sys.modules[target].__path__ = []
    with pytest.raises(TargetError, match=f"is a job, and a worker runs all .* module: run monarq worker {target}$"):
        load_target(path.format(target), None, {})
