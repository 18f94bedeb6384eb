"""Fields of pickles, read by their opcodes: plain values as they are, the rest by name, and no code runs."""

from __future__ import annotations

import datetime as dt
import decimal
import pickle
from typing import Any

import pytest

from monarq.shared.payloads.pickle_fields import MOST_STEPS, Called, Items, Named, Unknown, read_fields

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)


def shape(value: object) -> object:
    """Containers, which do not compare, as lists that begin with their kind."""
    if isinstance(value, Items):
        return [value.kind, *map(shape, value.items)]
    if isinstance(value, Called):
        return Called(value.name, shape(value.arguments))
    return value


def shapes(data: bytes) -> dict[str, object]:
    return {name: shape(value) for name, value in read_fields(data).items()}


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return cancel, ()


def cancel() -> None:
    pytest.fail("it was unpickled")


class Fed:
    """Is built by a call, and then given items one by one and a state."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Fed, (), {"state": 1}, iter([1, 2])

    def append(self, item: object) -> None: ...


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("value", "read"),
    [
        *(
            (plain, plain)
            for plain in (None, True, False, 0, -1, 300, 70_000, 2**70, -(2**3000), 1.5, "é\n", "x" * 300)
        ),
        ([1, [2]], ["list", 1, ["list", 2]]),
        *((tuple(range(count)), ["tuple", *range(count)]) for count in range(5)),
        ({"a": {"b": 1}}, ["dict", "a", ["dict", "b", 1]]),
        (decimal.Decimal("1.10"), Called("decimal.Decimal", ["tuple", "1.10"])),
        (decimal.Decimal, Named("decimal.Decimal")),
        (Bomb(), Called(f"{__name__}.cancel", ["tuple"])),
        (Fed(), Called(f"{__name__}.Fed", ["tuple"])),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_field_in_every_protocol(value: object, read: object, protocol: int) -> None:
    data = pickle.dumps({"before": 1, "it": value, "behind": "x"}, protocol)
    assert shapes(data) == {"before": 1, "it": read, "behind": "x"}


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (b"\x80" * 300, b"\x80" * 300),
        ({1}, ["set", 1]),
        (frozenset({1}), ["set", 1]),
        (dt.date(2026, 1, 2), Called("datetime.date", ["tuple", b"\x07\xea\x01\x02"])),
    ],
)
def test_a_field_that_newer_protocols_write_more_plainly(value: object, read: object) -> None:
    assert shapes(pickle.dumps({"it": value}, 4)) == {"it": read}


def test_a_value_that_stands_twice_is_read_twice() -> None:
    same = ["x"]
    for protocol in PROTOCOLS:
        assert shapes(pickle.dumps({"a": same, "b": same}, protocol)) == {"a": ["list", "x"], "b": ["list", "x"]}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_of_a_pickle_that_is_cut_the_fields_before_the_end_are_read(protocol: int) -> None:
    whole = {"t": None, "f": "send", "a": ["list", 1, ["list", 2, 3]], "k": ["dict", "n", 1, "f", "no"], "et": 5}
    data = pickle.dumps({"t": None, "f": "send", "a": [1, [2, 3]], "k": {"n": 1, "f": "no"}, "et": 5}, protocol)
    counts = []
    for end in range(len(data) + 1):
        read = read_fields(data[:end])
        assert list(read) == list(whole)[: len(read)]
        assert {name: read[name] for name in read if name in ("t", "f", "et")}.items() <= whole.items()
        counts.append(len(read))
    assert set(counts) == set(range(6))
    assert counts == sorted(counts)
    assert shapes(data) == whole


def test_names_that_are_no_text_are_left_out() -> None:
    assert read_fields(pickle.dumps({1: "a", None: "b", (1, 2): "c", "d": 4})) == {"d": 4}


@pytest.mark.parametrize("value", [None, 1, "text", ["f", "send"], ("f", "send"), {"f"}, Bomb()], ids=range(7))
def test_what_is_no_dict_has_no_fields(value: object) -> None:
    assert read_fields(pickle.dumps(value)) == {}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"no pickle",
        b"\xff\xfe",
        b"\x80\x04.",
        b"\x80\x04}s.",
        b"\x80\x04}u.",
        b"\x80\x04R.",
        b"\x80\x04\x94.",
        b"\x80\x04h\x05.",
        b"\x80\x04]" * 10_000,
        b"I" + b"9" * 100_000 + b"\n.",
        b"\x80\x04\x8d" + b"\xff" * 8,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_anything_else_has_none_either(data: bytes) -> None:
    assert read_fields(data) == {}


def test_a_place_in_the_memo_that_nothing_was_put_into_is_unknown() -> None:
    assert read_fields(b"\x80\x04}\x8c\x01ah\x05s.") == {"a": Unknown()}


def test_an_opcode_that_the_reader_does_not_know_leaves_the_fields_behind_it_readable() -> None:
    assert read_fields(pickle.dumps({"a": bytearray(b"x"), "b": 1}, 5)) == {"a": Unknown(), "b": 1}
    extension, persistent_id = b"\x82\x01", b"Pid\n"
    for unknown in (extension, persistent_id):
        assert read_fields(b"\x80\x04}(\x8c\x01a" + unknown + b"\x8c\x01bK\x01u.") == {"a": Unknown(), "b": 1}


def test_no_more_than_so_many_opcodes_are_read() -> None:
    start, end = b"\x80\x04}\x8c\x01aK\x01s", b"\x8c\x01bK\x02s."
    assert read_fields(start + end) == {"a": 1, "b": 2}
    assert read_fields(start + b"]0" * MOST_STEPS + end) == {"a": 1}
