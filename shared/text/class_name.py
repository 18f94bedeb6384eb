"""Classes by name, so that they need not be imported. It imports nothing."""


def full_name(kind: type) -> str:
    """A class's module and qualified name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def is_named(kind: type, names: frozenset[str]) -> bool:
    """Whether a class, or one of its base classes, has one of these full names."""
    return not names.isdisjoint(map(full_name, kind.__mro__))
