"""Type hints: each annotation by itself, wherever its names are defined, and nothing is imported for it."""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any
from uuid import UUID

import pytest

from monarq.shared.calls.type_hints import NotImported, Unresolved, mentions_not_imported, resolve_hint

MODULES = {
    "hints.inner": """
        from __future__ import annotations
        import typing as t
        from decimal import Decimal
        from typing import Annotated, Any
        if t.TYPE_CHECKING:
            import collections.abc
            import hints.unloaded
            import hints.unloaded as other
            from collections import abc
            from uuid import UUID as ForCheckers
            from hints import outer
            from hints.unloaded import Unloaded
            from .outer import decorated as by_name
            from .unloaded import Unloaded as Below
            from uuid import no_such_name
        if len("x"):
            pass

        class Thing:
            def method(self, x: Decimal) -> None: ...
            def __call__(self, x: Decimal) -> None: ...

        def function(x: Decimal) -> None: ...
        """,
    "hints.outer": """
        from __future__ import annotations
        import functools
        from uuid import UUID as There

        def decorated(function):
            @functools.wraps(function)
            def wrapper(session: There, *args): ...
            return wrapper
        """,
    "hints.unloaded": "class Unloaded: ...",
    "hints.__init__": "",
}


@pytest.fixture
def hints(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A package with two modules that are loaded, and one that never is."""
    (tmp_path / "hints").mkdir()
    for name, text in MODULES.items():
        (tmp_path / f"{name.replace('.', '/')}.py").write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(str(tmp_path))
    yield SimpleNamespace(inner=importlib.import_module("hints.inner"), outer=importlib.import_module("hints.outer"))
    assert "hints.unloaded" not in sys.modules
    for name in ("hints", "hints.inner", "hints.outer"):
        del sys.modules[name]


@pytest.mark.parametrize(
    ("annotation", "hint"),
    [
        (inspect.Parameter.empty, Any),
        (int, int),
        ("int", int),
        ("Decimal", Decimal),
        ("Decimal | None", Decimal | None),
        ("list[dict[str, Decimal]]", list[dict[str, Decimal]]),
        ("Annotated[int, 'for people']", int),
        (Annotated[int, "for people"], int),
        ("Any", Any),
        (None, type(None)),
        ("None", type(None)),
        ("ForCheckers", UUID),
        ("ForCheckers | Decimal", UUID | Decimal),
        ("collections.abc.Sequence", Sequence),
        ("abc.Sequence", Sequence),
        ("outer.There", UUID),
    ],
    ids=repr,
)
def test_what_an_annotation_means(hints: Any, annotation: object, hint: object) -> None:
    assert resolve_hint(annotation, hints.inner.function) == hint


@pytest.mark.parametrize(
    "annotation",
    ["Nowhere", "list[Nowhere]", "1 / 0", "Decimal.no_such", "not python", "list[", "hints.unloaded.Unloaded"],
)
def test_what_cannot_be_resolved(hints: Any, annotation: object) -> None:
    assert resolve_hint(annotation, hints.inner.function) is Unresolved


def test_one_that_cannot_be_resolved_does_not_spoil_the_others() -> None:
    def both(first: Nowhere, second: UUID) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    parameters = inspect.signature(both).parameters.values()
    assert [resolve_hint(parameter.annotation, both) for parameter in parameters] == [Unresolved, UUID]


@pytest.mark.parametrize("annotation", ["Unloaded", "Below", "other", "no_such_name", "list[dict[str, Unloaded]]"])
def test_a_name_for_type_checkers_that_is_not_loaded_has_a_stand_in(hints: Any, annotation: str) -> None:
    assert mentions_not_imported(resolve_hint(annotation, hints.inner.function))


class Own(NotImported): ...


@pytest.mark.parametrize(
    ("hint", "mentioned"),
    [
        (NotImported, True),
        (Own, True),
        (list[Own], True),
        (dict[str, list[Own | None]], True),
        (Annotated[Own, "for people"], True),
        (int, False),
        (list[int], False),
        (Any, False),
        (Unresolved, False),
        (Own(), False),
        (None, False),
    ],
    ids=range(11),
)
def test_stand_ins_are_found_at_any_depth(hint: object, mentioned: bool) -> None:
    assert mentions_not_imported(hint) is mentioned


def plain() -> None: ...


def test_names_are_looked_up_where_the_function_was_written(hints: Any) -> None:
    inner = hints.inner
    thing = inner.Thing()
    for function in (inner.function, functools.partial(inner.function, 1), thing.method, inner.Thing.method, thing):
        assert resolve_hint("ForCheckers", function) is UUID
    assert resolve_hint("ForCheckers", plain) is Unresolved


def test_behind_a_decorator_the_names_of_both_sides_are_known(hints: Any) -> None:
    inner = hints.inner
    for function in (inner.function, functools.partial(inner.function, 1), inner.Thing().method):
        wrapped = hints.outer.decorated(function)
        assert resolve_hint("Decimal", wrapped) is Decimal
        assert resolve_hint("ForCheckers", wrapped) is UUID
        assert resolve_hint("There", wrapped) is UUID


@pytest.mark.parametrize("function", [len, int, functools.partial(len, "x")], ids=repr)
def test_callables_without_names_of_their_own_know_pythons(function: Callable[..., Any]) -> None:
    assert resolve_hint("int", function) is int
    assert resolve_hint("UUID", function) is Unresolved
