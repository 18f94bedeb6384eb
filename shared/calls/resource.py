"""`Resource`: the default value of a parameter that the worker fills in, such as a database pool or a session.

It imports little, so that a CPU child starts quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import TYPE_CHECKING, Any, TypeVar, overload

from monarq.shared.errors import DeclarationError

T = TypeVar("T")


class ResourceRequest:
    """The resource that a parameter asks for.

    Attributes:
        name: its name among the resources that the app's lifespan yields; '' if a factory makes it.
        factory: makes it for one run; None if it has a name.
        cached: whether all uses of the factory in one run get the same value.
    """

    __slots__ = ("cached", "factory", "name")

    def __init__(self, name: str, factory: Callable[..., Any] | None, *, cached: bool) -> None:
        self.name = name
        self.factory = factory
        self.cached = cached

    if not TYPE_CHECKING:  # type checkers would accept any attribute

        def __getattr__(self, name: str) -> Any:
            """For uses of it as the resource, raises an error that says what to pass."""
            if name.startswith("__") or name in self.__slots__:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}", name=name, obj=self)
            raise AttributeError(
                f"{self!r} has no {name!r}, as it only stands for the resource, which workers pass: pass the resource"
                " itself by name where you call the function directly, or use monarq.testing.run_inline",
                name=name,
                obj=self,
            )

    def __repr__(self) -> str:
        return f"Resource({self.name!r})" if self.factory is None else f"Resource({self.shown})"

    @property
    def shown(self) -> str:
        """Its name in messages."""
        return self.name or str(getattr(self.factory, "__qualname__", self.factory))


@overload
def Resource(what: str, /) -> Any: ...
@overload
def Resource(what: Callable[..., AbstractAsyncContextManager[T]], /, *, cached: bool = True) -> T: ...
@overload
def Resource(what: Callable[..., AbstractContextManager[T]], /, *, cached: bool = True) -> T: ...
@overload
def Resource(what: Callable[..., Coroutine[Any, Any, T]], /, *, cached: bool = True) -> T: ...
@overload
def Resource(what: Callable[..., T], /, *, cached: bool = True) -> T: ...
def Resource(what: Any, /, *, cached: bool = True) -> Any:  # noqa: N802 - it reads as the type that it stands for
    """The default value of a job's parameter that the worker fills in; it is not passed when the job is enqueued.

    Args:
        what: the name of a resource that the app's lifespan yields; or a factory that makes a value for one run: a
            function that returns the value or a context manager, async or not. A factory may take resources, the
            context and, by name, the job's arguments.
        cached: whether all uses of this factory in one run get the same value. Default: True.

    Raises:
        DeclarationError: `what` is neither.
    """
    if isinstance(what, str) and what:
        return ResourceRequest(what, None, cached=True)
    if callable(what):
        return ResourceRequest("", what, cached=cached)
    raise DeclarationError(f"Resource takes the name of a resource of the lifespan, or a factory, not {what!r}")
