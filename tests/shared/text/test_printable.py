"""Escaping of untrusted text: no control, bidirectional or line-ending character is left, and JSON still decodes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monarq.shared.text.json_lines import json_line
from monarq.shared.text.printable import printable, printable_json, printable_lines


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("plain ä 你", "plain ä 你"),
        ("two\nlines\t.", r"two\nlines\t."),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("a\u202eb", r"a\u202eb"),
        ("\u2028", r"\u2028"),
        ("\ud800", r"\ud800"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_a_line(text: str, line: str) -> None:
    assert printable(text) == line


def test_lines_and_tabs_stay_in_a_text_of_several_lines() -> None:
    assert printable_lines("a\n\tb\r\x07") == "a\n\tb\\r\\x07"


@given(st.text())
def test_whatever_the_text_nothing_of_it_is_obeyed(text: str) -> None:
    assert printable(text).isprintable()
    assert printable_lines(text).replace("\n", "").replace("\t", "").isprintable()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_json_decodes_to_the_same_text(text: str) -> None:
    line = json_line({"text": text})
    assert line.isprintable()
    assert json.loads(line) == {"text": text}


def test_json_beyond_the_basic_plane_is_a_surrogate_pair() -> None:
    assert printable_json('"\U000e0001"') == '"\\udb40\\udc01"'
