"""The blocking producer and handle have what the asyncio ones have, in the same order, and take the same arguments."""

from __future__ import annotations

import inspect

import pytest

from monarq.producer import Handle, Producer, SyncHandle, SyncProducer

TWINS = [(Producer, SyncProducer), (Handle, SyncHandle)]


def members_of(a_class: type) -> list[str]:
    """Names of what users see of a class, in the order of the source."""
    return [name for name in vars(a_class) if not name.startswith("_")]


def attributes_of(a_class: type) -> list[str]:
    """What is set by the constructor, or a property: it has no place among the methods."""
    return sorted(name for name in members_of(a_class) if not callable(inspect.getattr_static(a_class, name)))


def parameters_of(function: object) -> list[tuple[str, object, object]]:
    assert callable(function)
    found = inspect.signature(function).parameters.values()
    return [(each.name, each.kind, each.default) for each in found]


@pytest.mark.parametrize(("asyncio_class", "blocking"), TWINS)
def test_twins_have_the_same_methods_in_the_same_order(asyncio_class: type, blocking: type) -> None:
    methods = [name for name in members_of(asyncio_class) if callable(getattr(asyncio_class, name))]
    assert [name for name in members_of(blocking) if callable(getattr(blocking, name))] == methods
    assert attributes_of(blocking) == attributes_of(asyncio_class)


@pytest.mark.parametrize(("asyncio_class", "blocking"), TWINS)
def test_twins_take_the_same_arguments(asyncio_class: type, blocking: type) -> None:
    names = [name for name in members_of(asyncio_class) if callable(getattr(asyncio_class, name))]
    if asyncio_class is Producer:
        names.append("__init__")
    for name in names:
        assert parameters_of(getattr(blocking, name)) == parameters_of(getattr(asyncio_class, name)), name
