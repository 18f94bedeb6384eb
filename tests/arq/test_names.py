"""With s/from arq/from monarq.arq/ an application finds every name of arq's."""

from __future__ import annotations

import ast
import importlib
import inspect
import subprocess
import sys
from types import ModuleType
from typing import Any

import arq
import arq.worker
import pytest

import monarq.arq
import monarq.arq.worker

MODULES = ["connections", "constants", "cron", "jobs", "logs", "typing", "utils", "version", "worker"]


async def count(ctx: dict[Any, Any]) -> None: ...


def own_names(module: ModuleType) -> set[str]:
    """What a module of arq's defines itself."""
    names: set[str] = set()
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
    return {name for name in names if not name.startswith("_")} - {"logger", "no_result"}


STOCK = [importlib.import_module(f"arq.{name}") for name in MODULES]
OWN = {at: vars(module)[at] for module in STOCK for at in own_names(module)}
"""What arq defines, in whichever module."""


def test_the_package_has_arqs_public_names() -> None:
    assert set(monarq.arq.__all__) == set(arq.__all__)
    for name in arq.__all__:
        assert hasattr(monarq.arq, name)
    assert monarq.arq.__version__ == arq.__version__


@pytest.mark.parametrize("name", MODULES)
def test_each_module_has_what_arqs_defines(name: str) -> None:
    stock, own = importlib.import_module(f"arq.{name}"), importlib.import_module(f"monarq.arq.{name}")
    names = own_names(stock)
    assert names
    assert {missing for missing in names if not hasattr(own, missing)} == set()


@pytest.mark.parametrize("name", MODULES)
def test_each_module_has_what_arqs_takes_from_its_others(name: str) -> None:
    """Users import `CronJob` from ``arq.worker`` and `Job` from ``arq.connections``, as they happen to be there."""
    stock, own = importlib.import_module(f"arq.{name}"), importlib.import_module(f"monarq.arq.{name}")
    of_arq = {at for at, value in vars(stock).items() if at in OWN and OWN[at] is value}
    assert {missing for missing in of_arq | {"logger"} & set(vars(stock)) if not hasattr(own, missing)} == set()


def test_the_package_alone_brings_its_modules_as_arq_does() -> None:
    code = "from monarq import arq; print(*(hasattr(arq, name) for name in {!r}))".format([*MODULES, "connections"])
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(told.stdout.split()) == {"True"}


async def test_the_worker_has_the_attributes_of_arqs() -> None:
    stock, own = (vars(made)["Worker"]([count], handle_signals=False) for made in (arq.worker, monarq.arq.worker))
    missing = {name for name in vars(stock) if not name.startswith("_") and not hasattr(own, name)}
    assert missing == set()
    assert (own.in_progress_timeout_s, own.job_counter, own.pool) == (stock.in_progress_timeout_s, 0, stock.pool)


def test_classes_that_users_raise_catch_and_compare_are_arqs_own() -> None:
    for name in ("Retry", "RetryJob", "JobExecutionFailed", "FailedJobs", "Function", "func"):
        assert getattr(monarq.arq.worker, name) is getattr(arq.worker, name)
    assert issubclass(monarq.arq.ArqRedis, arq.ArqRedis)


def test_the_worker_takes_what_arqs_takes() -> None:
    stock = inspect.signature(arq.worker.Worker).parameters
    own = inspect.signature(monarq.arq.worker.Worker).parameters
    assert [(p.name, p.default, p.kind) for p in own.values()] == [(p.name, p.default, p.kind) for p in stock.values()]


def test_type_checkers_know_each_argument_of_the_worker() -> None:
    from monarq.arq.lifecycle.arguments import MonarqArguments, WorkerArguments
    from monarq.arq.settings.fields import EXTRAS

    known = set(WorkerArguments.__annotations__) - set(MonarqArguments.__annotations__)
    assert known == set(inspect.signature(arq.worker.Worker).parameters) - {"functions"}
    assert set(MonarqArguments.__annotations__) == EXTRAS


def test_the_client_takes_what_arqs_takes() -> None:
    stock = inspect.signature(arq.ArqRedis.enqueue_job).parameters
    own = inspect.signature(monarq.arq.ArqRedis.enqueue_job).parameters
    assert [(p.name, p.default, p.kind) for p in own.values()] == [(p.name, p.default, p.kind) for p in stock.values()]
    for name in ("create_pool", "ArqRedis"):
        told = [list(inspect.signature(getattr(package, name)).parameters) for package in (arq, monarq.arq)]
        assert told[0] == told[1]
