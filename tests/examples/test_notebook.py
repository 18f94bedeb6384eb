"""The notebook: its cells run in order, as a kernel runs them, beside workers."""

from __future__ import annotations

import ast
import inspect
import json
from pathlib import Path
from typing import Any

import pytest

from monarq.examples import jobs
from monarq.examples.harness.pool import LocalPool
from tests.examples.test_pool import Start
from tests.support.slowness import in_time

NOTEBOOK = Path(jobs.__file__).with_name("notebook.ipynb")


def cells() -> list[str]:
    """The code of each cell."""
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in found if cell["cell_type"] == "code"]


async def run_cell(source: str, names: dict[str, Any]) -> Any:
    """Runs a cell, which may await; returns the value of its last line, where that is an expression."""
    module = ast.parse(source)
    last = module.body[-1]
    if isinstance(last, ast.Expr):
        module.body[-1] = ast.copy_location(ast.Assign([ast.Name("_", ast.Store())], last.value), last)
    ast.fix_missing_locations(module)
    made = eval(compile(module, "cell", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT), names)
    if inspect.iscoroutine(made):
        await made
    return names.pop("_", None)


async def test_its_cells_run(
    pool: LocalPool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", pool.url)
    names: dict[str, Any] = {}
    async with in_time(60):
        shown = [await run_cell(source, names) for source in cells()]
    assert shown[:3] == [3, 148933, 148933]
    assert shown[3][:2] == ("succeeded", 1)
    assert "%" in capsys.readouterr().out


def test_it_is_stored_without_outputs() -> None:
    found = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in found if cell["cell_type"] == "code")


def test_the_plain_script_runs_beside_workers(start: Start, pool: LocalPool) -> None:
    code, out, err = start("-m", "examples.plain_script", "--redis", pool.url).finish()
    assert (code, err) == (0, "")
    assert "539777 primes, counted by 8 jobs" in out
    assert "%" in out
    assert out.endswith("539777 primes, counted by one\n")
