"""With s/from arq/from monarq.arq/ an application finds every name of arq's."""

from __future__ import annotations

import ast
import importlib
import inspect
from types import ModuleType

import arq
import arq.worker
import pytest

import monarq.arq
import monarq.arq.worker

MODULES = ["connections", "constants", "cron", "jobs", "logs", "typing", "utils", "version", "worker"]


def own_names(module: ModuleType) -> set[str]:
    """What a module of arq's defines itself."""
    names: set[str] = set()
    for node in ast.parse(inspect.getsource(module)).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names.update(name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name))
    return {name for name in names if not name.startswith("_")} - {"logger", "no_result"}


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


def test_classes_that_users_raise_catch_and_compare_are_arqs_own() -> None:
    for name in ("Retry", "RetryJob", "JobExecutionFailed", "FailedJobs", "Function", "func"):
        assert getattr(monarq.arq.worker, name) is getattr(arq.worker, name)
    assert issubclass(monarq.arq.ArqRedis, arq.ArqRedis)


def test_the_worker_takes_what_arqs_takes() -> None:
    stock = inspect.signature(arq.worker.Worker).parameters
    own = inspect.signature(monarq.arq.worker.Worker).parameters
    assert [(p.name, p.default, p.kind) for p in own.values()] == [(p.name, p.default, p.kind) for p in stock.values()]


def test_type_checkers_know_each_argument_of_the_worker() -> None:
    from monarq.arq.arguments import MonarqArguments, WorkerArguments
    from monarq.workers.arq_settings import EXTRAS

    known = set(WorkerArguments.__annotations__) - set(MonarqArguments.__annotations__)
    assert known == set(inspect.signature(arq.worker.Worker).parameters) - {"functions"}
    assert set(MonarqArguments.__annotations__) == EXTRAS


def test_the_client_takes_what_arqs_takes() -> None:
    stock = inspect.signature(arq.ArqRedis.enqueue_job).parameters
    own = inspect.signature(monarq.arq.ArqRedis.enqueue_job).parameters
    assert [(p.name, p.default, p.kind) for p in own.values()] == [(p.name, p.default, p.kind) for p in stock.values()]
    assert list(inspect.signature(monarq.arq.create_pool).parameters) == list(
        inspect.signature(arq.create_pool).parameters
    )
