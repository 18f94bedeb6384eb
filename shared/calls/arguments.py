"""The arguments of one job: they are encoded, decoded and checked by the annotations of its parameters."""

from __future__ import annotations

import inspect
import math
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final, Protocol

from monarq.shared.calls.parameters import Arguments, positional_parameters, reached_parameters
from monarq.shared.calls.signature import CallSignature
from monarq.shared.calls.type_hints import Unresolved, mentions_not_imported, resolve_hint
from monarq.shared.conversion.builder import Builder
from monarq.shared.conversion.form import LEAST_INT, MOST_INT, Form, are_free
from monarq.shared.conversion.mismatch import TOO_DEEP, MismatchError
from monarq.shared.errors import ArgumentsError, DeclarationError

_MOST_ROWS: Final = 256
"""The most combinations of types that are listed as needing no conversion; beyond that, each argument is inspected."""

_NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
"""The kinds of parameters that receive a keyword argument of their name; other kinds may share theirs with a key in
`**kwargs`."""

Parameters = Sequence[inspect.Parameter]
Row = tuple[Any, ...]


class FormBuilder(Protocol):
    """Makes the forms of type hints."""

    def form(self, hint: Any) -> Form:
        """The form of a type hint; NameError if a class in it cannot be rebuilt, DeclarationError if it has no end."""
        ...


class ArgumentForms:
    """Converts the arguments of one job.

    Args:
        name: the job's name.
        signature: what it takes.
        builder: makes the forms of its parameters.

    Attributes:
        free_rows: the combinations of types of positional arguments that the job takes and that need no conversion.

    Raises:
        DeclarationError: an annotated class cannot be rebuilt.
    """

    def __init__(self, name: str, signature: CallSignature, builder: FormBuilder) -> None:
        self._name = name
        self._signature = signature
        parameters = signature.described
        self._unsendable = unsendable_parameters(parameters, signature.owner) if signature.is_wrapped else None
        self._forms = {p.name: _form_of(p, name, signature, builder) for p in parameters}
        self._by_name = {p.name: self._forms[p.name] for p in parameters if p.kind in _NAMED}
        self._unpacked = _unpacked_form(parameters, signature, builder)
        self._positional = positional_parameters(parameters)
        self._rest = self._form_of_rest(parameters, inspect.Parameter.VAR_POSITIONAL, builder)
        self._others = self._form_of_rest(parameters, inspect.Parameter.VAR_KEYWORD, builder)
        self._columns = [self._forms[p.name].free for p in self._positional]
        needs_look = signature.is_wrapped or self._unpacked is not None
        self._counts = range(0) if needs_look else signature.simple_counts
        self.free_rows = frozenset(self._free_rows())

    def is_free(self, args: Row) -> bool:
        """Whether the job takes these positional arguments and they need no conversion: the fast path."""
        row = tuple(map(type, args))
        return row in self.free_rows and (int not in row or are_small(args))

    def are_free(self, rows: Sequence[Row]) -> bool:
        """The same for the arguments of many jobs. It inspects columns, each with a call or two."""
        lengths = set(map(len, rows))
        if len(lengths) != 1 or (count := lengths.pop()) not in self._counts:
            return False
        columns = self._columns + [self._rest.free] * (count - len(self._columns))
        return all(map(are_free, zip(*rows, strict=True), columns))

    def encode(self, args: Row, kwargs: Mapping[str, Any]) -> Arguments:
        """The arguments, whose number and names have been checked, as plain values.

        Raises:
            ArgumentsError: one of them does not match its annotation.
        """
        return self._convert(args, kwargs, _encode)

    def encode_what_fits(self, args: Row, kwargs: Mapping[str, Any]) -> Arguments:
        """The same without a check: an argument that does not fit stays as it is, for the worker to refuse."""
        return self._convert(args, kwargs, _encode_if_fit)

    def decode(self, args: Row, kwargs: dict[str, Any]) -> Arguments:
        """The arguments of a payload, each converted to its annotated type.

        Raises:
            ArgumentsError: the job does not take them.
            BaseException: a class of the user raised something other than an Exception.
        """
        if not kwargs and tuple(map(type, args)) in self.free_rows:
            return args, kwargs
        self.check_call(args, kwargs)
        return self._convert(args, kwargs, _decode)

    def check_call(self, args: Row, kwargs: dict[str, Any]) -> None:
        """Checks that the job can be called with this number and these names of arguments.

        Raises:
            ArgumentsError: it cannot.
        """
        try:
            self._signature.bind(args, kwargs)
        except TypeError as error:
            raise ArgumentsError(f"{self._name}{self._signature}: {error}") from None

    def _convert(self, args: Row, kwargs: Mapping[str, Any], convert: Callable[[Form, Any], Any]) -> Arguments:
        positional = self._positional
        if self._unsendable is not None:
            positional = reached_parameters(self._signature.described, self._unsendable, len(args), kwargs)
        forms = self._forms
        try:
            done = []
            for at, value in enumerate(args):
                which = f"argument {at + 1}"
                if at < len(positional):
                    which = f"argument {positional[at].name!r}"
                    done.append(convert(forms[positional[at].name], value))
                else:
                    done.append(convert(self._rest, value))
            named = {}
            others = {}
            for name, value in kwargs.items():
                which = f"argument {name!r}"
                if self._unpacked is not None and name not in self._by_name:
                    others[name] = value
                else:
                    named[name] = convert(self._by_name.get(name, self._others), value)
            if self._unpacked is not None:
                which = "the keyword arguments"
                named.update(convert(self._unpacked, others))
        except MismatchError as error:
            raise ArgumentsError(f"{which}{error.path} of {self._name}: {error.reason}") from error.__cause__
        except RecursionError:
            raise ArgumentsError(f"{which} of {self._name}: {TOO_DEEP}") from None
        return tuple(done), named

    def _form_of_rest(self, parameters: Parameters, rest: object, builder: FormBuilder) -> Form:
        """The form of the arguments that ``*args`` or ``**kwargs`` takes; plain values if there is neither."""
        found = next((self._forms[p.name] for p in parameters if p.kind is rest), None)
        return found or builder.form(Any)

    def _free_rows(self) -> Iterator[tuple[type, ...]]:
        if self._counts.stop > len(self._positional) + 1:  # *args
            return
        for count in self._counts:
            columns = self._columns[:count]
            if math.prod(map(len, columns)) <= _MOST_ROWS:
                yield from product(*columns)


def unsendable_parameters(parameters: Parameters, function: Callable[..., Any] | None) -> frozenset[str]:
    """The names of the parameters that are annotated with a class whose instances no producer can send."""
    return frozenset(parameter.name for parameter in parameters if _is_unsendable(parameter, function))


def _is_unsendable(parameter: inspect.Parameter, function: Callable[..., Any] | None) -> bool:
    hint = Any if function is None else resolve_hint(parameter.annotation, function)
    if hint is Unresolved or mentions_not_imported(hint):
        return True
    try:
        return not Builder().form(hint).is_known
    except (NameError, DeclarationError):
        return False


def _form_of(parameter: inspect.Parameter, name: str, signature: CallSignature, builder: FormBuilder) -> Form:
    hint = Any if signature.owner is None else resolve_hint(parameter.annotation, signature.owner)
    if hint is Unresolved or mentions_not_imported(hint):
        return builder.form(Any)
    try:
        return builder.form(hint)
    except DeclarationError as error:
        raise DeclarationError(f"argument {parameter.name!r} of {name}: {error}") from None
    except NameError as error:
        raise DeclarationError(
            f"argument {parameter.name!r} of {name} cannot be rebuilt as {hint!r}, because {error}: import that"
            " where the class is defined, not for type checkers only"
        ) from error


def _unpacked_form(parameters: Parameters, signature: CallSignature, builder: FormBuilder) -> Form | None:
    """The form of the TypedDict that ``**kwargs: Unpack[...]`` takes; None if there is none."""
    for parameter in parameters:
        if parameter.kind is parameter.VAR_KEYWORD and signature.owner is not None:
            hint = resolve_hint(parameter.annotation, signature.owner)
            if typing.get_origin(hint) is typing.Unpack:
                return _form_of(parameter.replace(annotation=typing.get_args(hint)[0]), "kwargs", signature, builder)
    return None


def _encode(form: Form, value: Any) -> Any:
    return form.encode(value)


def _encode_if_fit(form: Form, value: Any) -> Any:
    try:
        return form.encode(value)
    except MismatchError:
        return value


def _decode(form: Form, value: Any) -> Any:
    return form.decode(value)


def are_small(args: Row) -> bool:
    """Whether the integers among these fit into msgpack."""
    for value in args:  # noqa: SIM110 - a loop takes half the time of a generator
        if type(value) is int and not LEAST_INT <= value <= MOST_INT:
            return False
    return True
