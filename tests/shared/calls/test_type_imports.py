"""Classes that a job's module imports for type checkers only: workers import them, so that jobs get instances."""

from __future__ import annotations

import importlib
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from monarq.shared.calls.job_types import JobTypes
from monarq.shared.calls.signature import read_signature
from monarq.shared.errors import DeclarationError
from monarq.shared.jobs.decorators import job
from monarq.workers.jobs.registry import register
from tests.support.workers import settings_for_tests


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A package whose job module imports all that it annotates for type checkers only."""
    name = f"lazy{uuid4().hex}"
    folder = tmp_path / name
    (folder / "below").mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "models.py").write_text(
        "from dataclasses import dataclass\n@dataclass\nclass Invoice:\n    number: int\n", encoding="utf-8"
    )
    (folder / "below" / "__init__.py").touch()
    (folder / "below" / "deep.py").write_text("from ..models import Invoice\n", encoding="utf-8")
    (folder / "broken.py").write_text("import no_such_package_at_all\nclass Broken: ...\n", encoding="utf-8")
    (folder / "jobs.py").write_text(
        textwrap.dedent(f"""
            from __future__ import annotations
            from typing import TYPE_CHECKING

            if TYPE_CHECKING:
                import {name}.below.deep
                from .models import Invoice
                from . import models
                from .broken import Broken
                from .models import Nobody
                from no_such_stubs.package import Stub

            def takes(
                bare, first: Invoice, quoted: "list[Invoice | None]", through: models.Invoice,
                deep: {name}.below.deep.Invoice,
            ) -> Invoice: ...
            def stub(value: Stub) -> dict: ...
            def broken(value: Broken) -> None: ...
            def nobody() -> Nobody: ...
            """),
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    yield name
    for loaded in [each for each in sys.modules if each.partition(".")[0] == name]:
        del sys.modules[loaded]


def types_in(package: str, function: str) -> JobTypes:
    return JobTypes(function, read_signature(getattr(importlib.import_module(f"{package}.jobs"), function)))


@pytest.mark.parametrize("at", range(1, 5))
def test_a_worker_imports_the_classes_that_are_imported_for_type_checkers_only(package: str, at: int) -> None:
    types = types_in(package, "takes")
    args = [None, {"number": 1}, [{"number": 2}], {"number": 3}, {"number": 4}]
    assert types.arguments.decode(tuple(args), {}) == (tuple(args), {}), "without the class, values stay plain"
    types.load_types()
    decoded, _ = types.arguments.decode(tuple(args), {})
    found = decoded[at][0] if at == 2 else decoded[at]
    assert found == importlib.import_module(f"{package}.models").Invoice(at)


def test_a_worker_does_so_when_it_registers_its_jobs(package: str) -> None:
    declared = job(name=f"{package}.takes", lane="thread")(importlib.import_module(f"{package}.jobs").takes)
    made = register([declared], settings_for_tests())[declared.name]
    (_, first, *_), _ = made.types.arguments.decode((None, {"number": 1}, [], {"number": 3}, {"number": 4}), {})
    assert first == importlib.import_module(f"{package}.models").Invoice(1)


def test_a_result_whose_class_is_imported_for_type_checkers_only_is_made_again(package: str) -> None:
    result = types_in(package, "takes").result.decode({"number": 1})
    assert result == importlib.import_module(f"{package}.models").Invoice(1)


def test_an_annotation_from_a_package_that_is_not_installed_stays_without_effect(package: str) -> None:
    types = types_in(package, "stub")
    types.load_types()
    assert types.arguments.decode(({"a": 1},), {}) == (({"a": 1},), {})


@pytest.mark.parametrize(
    ("function", "what", "why"),
    [
        ("broken", "argument 'value' of broken", "ModuleNotFoundError: No module named 'no_such_package_at_all'"),
        ("nobody", "the result of nobody", "ImportError: .*models has no 'Nobody'"),
    ],
)
def test_an_import_for_type_checkers_that_fails_is_reported_when_the_worker_starts(
    package: str, function: str, what: str, why: str
) -> None:
    types = types_in(package, function)
    with pytest.raises(DeclarationError, match=f"{what} is annotated as .* under TYPE_CHECKING only.*{why}: import it"):
        types.load_types()
