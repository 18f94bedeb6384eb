"""`Resource`: the default value of a job's parameter that the worker gives, such as a database pool or a session.

It imports little, because the start of a CPU child waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Any, TypeVar, overload

from monarq.shared.errors import DeclarationError

T = TypeVar("T")


class ResourceRequest:
    """What a parameter asks for.

    Attributes:
        name: of what the app's lifespan has yielded; '' where a factory makes it.
        factory: makes it for one run; None where it has a name.
        cached: whether all who ask the factory in one run get the same value.
    """

    __slots__ = ("cached", "factory", "name")

    def __init__(self, name: str, factory: Callable[..., Any] | None, *, cached: bool) -> None:
        self.name = name
        self.factory = factory
        self.cached = cached

    def __repr__(self) -> str:
        return f"Resource({self.name!r})" if self.factory is None else f"Resource({self.shown})"

    @property
    def shown(self) -> str:
        """What it is called in messages."""
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
    """The default value of a job's parameter that the worker gives; an enqueue does not pass it.

    Args:
        what: the name of what the lifespan of the app has yielded; or a factory, which makes a value for one run: a
            function, or one that returns a context manager, asyncio's or not. A factory may take resources, the context
            and the job's arguments, these by name.
        cached: give all who ask this factory in one run the same value. Default: true.

    Raises:
        DeclarationError: it is neither.
    """
    if isinstance(what, str) and what:
        return ResourceRequest(what, None, cached=True)
    if callable(what):
        return ResourceRequest("", what, cached=cached)
    raise DeclarationError(f"Resource takes the name of what a lifespan yields, or a factory, not {what!r}")
