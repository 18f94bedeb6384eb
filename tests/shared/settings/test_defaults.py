"""`Defaults`: the names and the checks of the settings of workers."""

from __future__ import annotations

import copy
import pickle
from dataclasses import fields
from typing import Any

import pytest

from monarq import Defaults, Exponential
from monarq.shared.errors import SettingsError
from monarq.shared.settings.defaults import given_defaults
from monarq.shared.settings.table import SETTINGS


def test_defaults_have_the_names_of_the_settings_that_decide_how_jobs_are_run() -> None:
    assert {field.name for field in fields(Defaults)} == {row.name for row in SETTINGS if row.in_defaults}


def test_defaults_read_as_seconds_and_bytes_and_tell_what_was_given() -> None:
    defaults = Defaults(timeout="2m", retry=3, keep_result="forever", max_result="1MB", burst=False)
    assert given_defaults(defaults) == {
        "timeout": 120.0,
        "retry": Exponential(3),
        "keep_result": float("inf"),
        "max_result": 1 << 20,
        "burst": False,
    }
    assert given_defaults(Defaults()) == {}


def test_defaults_are_values() -> None:
    defaults = Defaults(timeout="2m", retry=Exponential(3, base="5s"))
    assert defaults == Defaults(timeout=120, retry=Exponential(3, base=5))
    assert pickle.loads(pickle.dumps(defaults)) == copy.deepcopy(defaults) == defaults


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"timeout": "long"}, "timeout is 'long': give seconds, a timedelta, or text"),
        ({"keep_result": "ever"}, "keep_result is 'ever': .*; or 'forever'"),
        ({"concurrency": 0}, "concurrency is 0; it must be a whole number of 1 or more"),
        ({"max_result": "much"}, "max_result is 'much': give a number of bytes"),
        ({"burst": "perhaps"}, "burst is 'perhaps': give true or false"),
        ({"retry": -1}, "retry is -1"),
    ],
)
def test_a_wrong_default_is_refused_where_it_is_made(given: Any, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        Defaults(**given)
