"""A job's call signature: where its `Context` goes, which arguments an enqueue may pass, and their annotations.

An enqueue is checked against the outermost function, which is the one that is really called. A decorator that takes
``*args, **kwargs`` may pass them on unchanged, add arguments or remove some, so anything that it takes is accepted.
"""

from __future__ import annotations

import inspect
import re
import sys
import types
import typing
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from monarq.shared.calls.callables import ANY_ARGUMENTS, signature_of, wrapper_layers
from monarq.shared.calls.context import Context, SyncContext
from monarq.shared.calls.parameters import ContextPosition, context_position, positional_parameters
from monarq.shared.calls.resource import ResourceRequest
from monarq.shared.calls.type_hints import Unresolved, mentions_not_imported, resolve_hint
from monarq.shared.errors import DeclarationError

_EMPTY: Final = inspect.Signature.empty

_VARIADIC: Final = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)

_LOOKS_LIKE_CONTEXT: Final = re.compile(
    r"(None \| )?([\w.]*\b(Optional|Annotated)\[)?([\w.]+\.)?(?P<sync>Sync)?Context\b(?!\[)"
)
"""For annotations whose names cannot be resolved, such as in a module without source."""


ContextKind = type[Context] | type[SyncContext]


@dataclass(frozen=True, slots=True)
class CallSignature:
    """The call signature of a job.

    Attributes:
        accepts: the signature of the outermost function without the context; an enqueue is checked against it.
        described: the parameters that name and annotate the arguments, without the context.
        owner: the function that has these parameters.
        is_wrapped: whether a decorator around it may add arguments.
        context: where the context goes; None if the job takes none.
        context_kind: the class of that context.
        resources: the resources that the worker passes by name.
        returns: the return annotation of the outermost function, else of the function behind it.
    """

    accepts: inspect.Signature = ANY_ARGUMENTS
    described: tuple[inspect.Parameter, ...] = ()
    owner: Callable[..., Any] | None = None
    is_wrapped: bool = False
    context: ContextPosition | None = None
    context_kind: ContextKind | None = None
    resources: Mapping[str, ResourceRequest] = field(default_factory=dict)
    returns: Any = inspect.Signature.empty

    def returned_hint(self) -> Any:
        """The type of the job's return value; Any if it is not annotated or unknown."""
        if self.owner is None:
            return Any if self.returns is inspect.Signature.empty else self.returns
        hint = resolve_hint(self.returns, self.owner)
        if hint is Unresolved or mentions_not_imported(hint):
            return Any
        origin = typing.get_origin(hint)
        if isinstance(origin, type) and issubclass(origin, Awaitable):  # a plain function that returns a coroutine
            return typing.get_args(hint)[-1]
        return Any if hint in (typing.NoReturn, typing.Never) else hint

    @property
    def simple_counts(self) -> range:
        """The numbers of positional arguments that are valid without a `bind`, which takes longer than enqueueing."""
        parameters = self.accepts.parameters.values()
        if any(p.kind is p.KEYWORD_ONLY and p.default is p.empty for p in parameters):
            return range(0)
        positional = positional_parameters(parameters)
        required = sum(p.default is p.empty for p in positional)
        endless = any(p.kind is p.VAR_POSITIONAL for p in parameters)
        return range(required, sys.maxsize if endless else len(positional) + 1)

    def bind(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Checks that the job can be called with these arguments.

        Raises:
            TypeError: it cannot.
        """
        if self.context is not None and self.context.keyword in kwargs:
            raise TypeError(f"{self.context.keyword!r} is passed by the worker: leave it out")
        if self.resources and (given := self.resources.keys() & kwargs):
            raise TypeError(f"{min(given)!r} is a resource, which the worker passes: leave it out")
        self.accepts.bind(*args, **kwargs)

    def __str__(self) -> str:
        """The signature as written; quoted annotations are shown resolved if possible."""
        parameters = [p.replace(annotation=self._resolved(p.annotation)) for p in self.accepts.parameters.values()]
        returned = self._resolved(self.accepts.return_annotation)
        return str(self.accepts.replace(parameters=parameters, return_annotation=returned))

    def _resolved(self, annotation: Any) -> Any:
        if self.owner is None or not isinstance(annotation, (str, typing.ForwardRef)):
            return annotation
        hint = resolve_hint(annotation, self.owner)
        if hint is Unresolved:
            return annotation
        return None if hint is types.NoneType else hint


def read_signature(function: Callable[..., Any]) -> CallSignature:
    """The call signature of a function that becomes a job.

    Raises:
        DeclarationError: it takes more than one context.
    """
    layers = [(layer, signature_of(layer)) for layer in wrapper_layers(function)]
    last = next((at for at, (_, found) in enumerate(layers) if not _is_variadic(found)), len(layers) - 1)
    contexts = [_context_of(layer, signature) for layer, signature in layers[: last + 1]]
    at = next((at for at, context in enumerate(contexts) if context is not None), 0)
    resources = _resources_of(*layers[0]) | _resources_of(*layers[last])
    place = kind = None
    if (context := contexts[at]) is not None:
        others = [p for p in layers[at][1].parameters.values() if p.name not in resources]
        place = context_position(context, tuple(others), is_wrapped=at > 0)
        kind = context_kind(context.annotation, layers[at][0])
    return CallSignature(
        accepts=_without(layers[0][1], contexts[0], resources),
        described=tuple(_without(layers[last][1], contexts[last], resources).parameters.values()),
        owner=layers[last][0],
        is_wrapped=last > 0,
        context=place,
        context_kind=kind,
        resources=resources,
        returns=next((found.return_annotation for _, found in layers[: last + 1] if _says_return(found)), _EMPTY),
    )


def _says_return(signature: inspect.Signature) -> bool:
    return signature.return_annotation is not _EMPTY


def _is_variadic(signature: inspect.Signature) -> bool:
    return any(parameter.kind in _VARIADIC for parameter in signature.parameters.values())


def _without(
    signature: inspect.Signature, context: inspect.Parameter | None, resources: Collection[str]
) -> inspect.Signature:
    """The signature without what the worker passes; parameters after a resource become keyword-only."""
    kept: list[inspect.Parameter] = []
    by_name_only = False
    for parameter in signature.parameters.values():
        if parameter.name in resources:
            by_name_only = by_name_only or parameter.kind is parameter.POSITIONAL_OR_KEYWORD
        elif context is None or parameter.name != context.name:
            if by_name_only and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
                parameter = parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY)  # noqa: PLW2901
            kept.append(parameter)
    return signature.replace(parameters=kept)


def requests_of(layer: Callable[..., Any], signature: inspect.Signature) -> dict[str, ResourceRequest]:
    """The resources that a function asks for by the default values or annotations of its parameters."""
    found = {name: _request_of(parameter, layer) for name, parameter in signature.parameters.items()}
    return {name: request for name, request in found.items() if request is not None}


def _request_of(parameter: inspect.Parameter, layer: Callable[..., Any]) -> ResourceRequest | None:
    if isinstance(parameter.default, ResourceRequest):
        return parameter.default
    annotation = parameter.annotation
    if isinstance(annotation, str) and "Annotated" in annotation:
        annotation = resolve_hint(annotation, layer, extras=True)
    metadata = getattr(annotation, "__metadata__", ())
    return next((extra for extra in metadata if isinstance(extra, ResourceRequest)), None)


def _resources_of(layer: Callable[..., Any], signature: inspect.Signature) -> dict[str, ResourceRequest]:
    """The resources of a layer of a job.

    Raises:
        DeclarationError: one of them cannot be passed by name, or a parameter after it could not be positional.
    """
    found = requests_of(layer, signature)
    behind = ""
    for name, parameter in signature.parameters.items():
        if name in found and parameter.kind in (*_VARIADIC, inspect.Parameter.POSITIONAL_ONLY):
            raise DeclarationError(f"the resource {name!r} must be a parameter that can be passed by name")
        is_context = bool(behind) and context_kind(parameter.annotation, layer) is not None
        if behind and name not in found and (is_context or parameter.kind is parameter.VAR_POSITIONAL):
            raise DeclarationError(f"{name!r} comes after the resource {behind!r}: put resources last, after a *")
        if name in found and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            behind = name
    return found


def _context_of(layer: Callable[..., Any], signature: inspect.Signature) -> inspect.Parameter | None:
    found = [p for p in signature.parameters.values() if context_kind(p.annotation, layer) is not None]
    if len(found) > 1 or (found and found[0].kind in _VARIADIC):
        names = ", ".join(str(parameter) for parameter in found)
        raise DeclarationError(f"a job takes one Context, as a parameter of its own, but this one has {names}")
    return found[0] if found else None


def context_kind(annotation: Any, function: Callable[..., Any]) -> ContextKind | None:
    """The kind of context that an annotation means, alone or in a union; None for none."""
    hint = resolve_hint(annotation, function)
    written = annotation.__forward_arg__ if isinstance(annotation, typing.ForwardRef) else annotation
    if hint is Unresolved and isinstance(written, str):
        found = _LOOKS_LIKE_CONTEXT.match(written)
        return None if found is None else SyncContext if found["sync"] else Context
    return _meant_context(hint)


def _meant_context(hint: Any, passed: tuple[Any, ...] = ()) -> ContextKind | None:
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return next((kind for part in typing.get_args(hint) if (kind := _meant_context(part, passed))), None)
    if hint is Context or hint is SyncContext:
        return hint
    # A NewType, or a `type` statement's alias.
    meant = getattr(hint, "__supertype__", None) or getattr(hint, "__value__", None)
    if meant is None or any(hint is alias for alias in passed):  # an alias may contain itself
        return None
    return _meant_context(meant, (*passed, hint))
