"""Classes by name, for those that need not be imported here. It imports nothing."""


def full_name(kind: type) -> str:
    """A class's module and qualified name."""
    return f"{kind.__module__}.{kind.__qualname__}"
