"""Type hints: annotations are resolved one by one, so that an unresolvable one does not affect the others.

Names that a module imports for type checkers only (``if TYPE_CHECKING:``) are looked up in modules that are already
loaded. Only `import_names` imports such modules: workers call it when they start, since a value whose class is unknown
would reach the job as a dict.
"""

from __future__ import annotations

import ast
import functools
import importlib
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
    """A name that a module imports for type checkers only.

    Attributes:
        name: the name.
        module: the module that it stands for or comes from.
        attribute: its name in the module; None if it is the module itself.
        imported: the module to import, which may be a submodule of the one that the name stands for.
    """

    name: str
    module: str
    attribute: str | None
    imported: str


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


def import_names(annotation: Any, function: Callable[..., Any]) -> bool:
    """Imports the modules of an annotation's names that are imported for type checkers only and that are not loaded.

    A module that is not installed, such as one of a package with stubs only, is left out.

    Returns:
        Whether the annotation has such names.

    Raises:
        ImportError: a module has no such name.
        BaseException: whatever a module raises while it is imported.
    """
    hint = resolve_hint(annotation, function)
    if hint is not Unresolved and not mentions_not_imported(hint):
        return False
    globals_ = _globals_of(inspect.unwrap(function))
    names = set(_names_in(annotation))
    found = [each for each in _imports_for_checkers(globals_) if each.name in names]
    for each in found:
        _import(each)
    return bool(found)


def _names_in(annotation: Any) -> Iterator[str]:
    """The names that an annotation uses, at any depth."""
    written = getattr(annotation, "__forward_arg__", annotation)
    if not isinstance(written, str):
        for part in typing.get_args(annotation):
            yield from _names_in(part)
        return
    try:
        tree = ast.parse(written, mode="eval")
    except SyntaxError:
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from _names_in(node.value)


def _import(found: _TypeImport) -> None:
    try:
        module = importlib.import_module(found.imported)
        if found.attribute is not None and not hasattr(module, found.attribute):
            importlib.import_module(f"{found.imported}.{found.attribute}")
    except ModuleNotFoundError as error:
        if found.attribute is not None and error.name == f"{found.imported}.{found.attribute}":
            raise ImportError(f"{found.imported} has no {found.attribute!r}") from None
        if error.name is None or not (found.imported + ".").startswith(error.name + "."):
            raise


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
    return {found.name: _loaded(found) for found in _imports_for_checkers(globals_)}


def _imports_for_checkers(globals_: Mapping[str, Any]) -> tuple[_TypeImport, ...]:
    return _type_only_imports(str(globals_.get("__name__")), str(globals_.get("__package__") or ""))


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
            yield _TypeImport(name.asname or module, module, None, name.name)
    elif isinstance(node, ast.ImportFrom):
        source = _absolute("." * node.level + (node.module or ""), package)
        for name in node.names:
            yield _TypeImport(name.asname or name.name, source, name.name, source)


def _absolute(module: str, package: str) -> str:
    try:
        return importlib.util.resolve_name(module, package)
    except ImportError:  # there is no such package, as in a script
        return module
