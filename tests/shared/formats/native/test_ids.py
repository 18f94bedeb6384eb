"""Made ids ascend, and are made once."""

from __future__ import annotations

import itertools
import os

import pytest

from monarq.shared.formats.native.ids import MADE_LENGTH, IdMaker

NOW_MS = 1_800_000_000_000
A_MS = 32**3
"""So many ids can be told apart in a millisecond."""


def test_they_ascend_in_a_call_and_from_call_to_call() -> None:
    maker = IdMaker()
    made = [*maker.make(40, NOW_MS), *maker.make(40, NOW_MS), *maker.make(2, NOW_MS + 1), *maker.make(2, NOW_MS - 5000)]
    assert sorted(made) == made
    assert len(set(made)) == len(made)
    assert {len(each) for each in made} == {MADE_LENGTH}


def test_more_than_fit_into_a_millisecond_ascend_too() -> None:
    maker = IdMaker()
    made = [
        *maker.make(A_MS - 1, NOW_MS),
        *maker.make(3, NOW_MS),
        *maker.make(1, NOW_MS + 1),
        *maker.make(1, NOW_MS + 2),
    ]
    assert len(made) == A_MS + 4
    assert all(earlier < later for earlier, later in itertools.pairwise(made))


def test_none_are_made_of_nothing() -> None:
    assert IdMaker().make(0, NOW_MS) == []


def test_two_makers_make_no_id_twice() -> None:
    one, other = IdMaker().make(100, NOW_MS), IdMaker().make(100, NOW_MS)
    assert not set(one) & set(other)


def test_a_forked_process_makes_others_than_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    maker = IdMaker()
    [before] = maker.make(1, NOW_MS)
    forked = IdMaker()
    forked.__dict__.update(vars(maker))  # what a fork copies
    monkeypatch.setattr(os, "getpid", lambda: 1)
    assert forked.make(1, NOW_MS)[0][-10:] != before[-10:]


def test_an_id_s_time_is_read_from_its_first_digits() -> None:
    digits = "0123456789abcdefghjkmnpqrstvwxyz"
    [made] = IdMaker().make(1, NOW_MS)
    ms = 0
    for digit in made[:9]:
        ms = ms * 32 + digits.index(digit)
    assert ms == NOW_MS
