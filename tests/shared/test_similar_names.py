"""Suggestions for misspelled names: the nearest one, in the form that is asked for, and difflib only for an error."""

from __future__ import annotations

import subprocess
import sys

import pytest

from monarq.shared.similar_names import nearest, suggestion

KNOWN = ("greet", "send_mail", "timeout")


@pytest.mark.parametrize(
    ("name", "found"), [("gret", "greet"), ("send_mails", "send_mail"), ("greet", "greet"), ("xyzzy", None), ("", None)]
)
def test_the_nearest_name_is_found(name: str, found: str | None) -> None:
    assert nearest(name, KNOWN) == found
    assert suggestion(name, KNOWN) == ("" if found is None else f"; did you mean {found!r}?")


def test_the_caller_chooses_the_form_and_how_similar_it_must_be() -> None:
    assert suggestion("gret", iter(KNOWN), form="{}()".format, before="") == "did you mean greet()?"
    assert suggestion("gret", KNOWN, least=0.9) == ""
    assert suggestion("greet", KNOWN, least=1) == "; did you mean 'greet'?"


@pytest.mark.parametrize(
    "module", ["monarq.app.app", "monarq.producer", "monarq.cli.app", "monarq.workers.process.worker"]
)
def test_difflib_is_not_loaded_before_a_name_is_misspelled(module: str) -> None:
    program = f"import sys, {module}; print('difflib' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "False\n"
