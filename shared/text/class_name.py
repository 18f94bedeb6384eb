"""Classes by name, for those that need not be imported here. It imports nothing."""


def full_name(kind: type) -> str:
    """A class's module and qualified name."""
    return f"{kind.__module__}.{kind.__qualname__}"


def is_named(kind: type, names: frozenset[str]) -> bool:
    """Whether a class, or one that it derives from, has one of these full names."""
    return not names.isdisjoint(map(full_name, kind.__mro__))
