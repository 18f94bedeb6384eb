"""Type hints: annotations are resolved one by one, so that an unresolvable one does not affect the others.

Names that a module imports for type checkers only (``if TYPE_CHECKING:``) are looked up in modules that are already
loaded: nothing is imported for an annotation.
"""

from __future__ import annotations

import ast
import functools
import importlib.util
import inspect
import sys
import typing
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple


class Unresolved:
    """Stands for an annotation that cannot be resolved."""


class NotImported:
    """Base of the stand-ins for names that a module imports for type checkers only and that are not loaded."""


class _TypeImport(NamedTuple):
    """A name that a module imports for type checkers only; without `attribute`, the module itself."""

    name: str
    module: str
    attribute: str | None


def resolve_hint(annotation: Any, function: Callable[..., Any], *, extras: bool = False) -> Any:
    """The type that an annotation means; Unresolved if it is unknown.

    Args:
        annotation: the annotation as in a signature; `Parameter.empty` means Any.
        function: the function that has it.
        extras: keep `Annotated`. Default: False, only the type inside it is returned.
    """
    if annotation is inspect.Parameter.empty:
        return Any
    holder = SimpleNamespace(__annotations__={"it": annotation})
    for globals_, locals_ in _scopes(function):
        try:
            return typing.get_type_hints(holder, globals_, locals_, include_extras=extras)["it"]
        except Exception:  # noqa: BLE001, S112 - an annotation is an expression, which may raise anything
            continue
    return Unresolved


def mentions_not_imported(hint: Any) -> bool:
    """Whether the hint, at any depth, has a stand-in for a class that is not loaded."""
    if isinstance(hint, type) and issubclass(hint, NotImported):
        return True
    return any(mentions_not_imported(part) for part in typing.get_args(hint))


def _scopes(function: Callable[..., Any]) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    """The namespaces in which names of its annotations may be found, the most likely first."""
    # functools.wraps gives a wrapper the annotations of the innermost function, whose module defines their names.
    innermost = _globals_of(inspect.unwrap(function))
    yield innermost, {}
    yield _globals_of(function), {}
    yield innermost, _type_only_names(innermost)


def _globals_of(function: Any) -> dict[str, Any]:
    while isinstance(function, functools.partial):
        function = inspect.unwrap(function.func)
    function = getattr(function, "__func__", function)
    if not hasattr(function, "__globals__"):
        function = inspect.unwrap(type(function).__call__)
    found: dict[str, Any] = getattr(function, "__globals__", {})
    return found


def _type_only_names(globals_: Mapping[str, Any]) -> dict[str, Any]:
    """The names that the module imports for type checkers only."""
    imports = _type_only_imports(str(globals_.get("__name__")), str(globals_.get("__package__") or ""))
    return {found.name: _loaded(found) for found in imports}


def _loaded(found: _TypeImport) -> Any:
    stand_in = type(found.name, (NotImported,), {})
    if found.attribute is None:
        return sys.modules.get(found.module, stand_in)
    submodule = sys.modules.get(f"{found.module}.{found.attribute}", stand_in)
    return getattr(sys.modules.get(found.module), found.attribute, submodule)


@functools.lru_cache
def _type_only_imports(module: str, package: str) -> tuple[_TypeImport, ...]:
    try:
        tree = ast.parse(inspect.getsource(sys.modules[module]))
    except (KeyError, OSError, TypeError, SyntaxError, SystemError):
        # CPython 3.11 sometimes raises the last one when several threads parse at once.
        return ()
    blocks = [node.body for node in tree.body if isinstance(node, ast.If) and _is_for_checkers(node.test)]
    return tuple(found for block in blocks for node in block for found in _imports_of(node, package))


def _is_for_checkers(test: ast.expr) -> bool:
    return ast.unparse(test).rpartition(".")[2] == "TYPE_CHECKING"


def _imports_of(node: ast.stmt, package: str) -> Iterator[_TypeImport]:
    if isinstance(node, ast.Import):
        for name in node.names:
            module = name.name if name.asname else name.name.partition(".")[0]
            yield _TypeImport(name.asname or module, module, None)
    elif isinstance(node, ast.ImportFrom):
        source = _absolute("." * node.level + (node.module or ""), package)
        for name in node.names:
            yield _TypeImport(name.asname or name.name, source, name.name)


def _absolute(module: str, package: str) -> str:
    try:
        return importlib.util.resolve_name(module, package)
    except ImportError:  # there is no such package, as in a script
        return module
