"""The importer: the error of a target that cannot be imported names the line of the program that caused it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from monarq.arq.settings.reader import read_arq_settings
from monarq.shared.errors import SettingsError, TargetError
from monarq.targets import load_target
from monarq.workers.config.importer import import_object

_numbers = itertools.count()

BROKEN: Final = {
    'import os\nURL = os.environ["NOT_SET"]\n': ("KeyError: 'NOT_SET'", 2),
    'def need(name):\n    raise LookupError(name)\n\nneed("it")\n': ("LookupError: it", 2),
    'import json\njson.loads("{")\n': ("JSONDecodeError: Expecting", 2),
    "import sys\n\nsys.exit(3)\n": ("exited while it was imported: SystemExit: 3", 3),
    "import no_such_package\n": ("it needs 'no_such_package'", 1),
    "x = 1\ndef f(:\n": ("SyntaxError: invalid syntax", 2),
    "len(5)\n": ("TypeError: object of type 'int' has no len()", 1),
}


REFUSED: Final = {
    'from monarq import job\n\n@job(timeout="soon")\nasync def a(): ...\n': ("timeout is 'soon'", 3),
    'from monarq import cron\ncron(len, "* * * * *")\n': ("cron takes a job", 2),
    'from monarq import cron, job\n@job\nasync def a2(n): ...\n\ncron(a2, "* * * * *")\n': (
        r"args=\(...\)",
        5,
    ),
}


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], str]:
    """Writes a module, and gives its name."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(source: str) -> str:
        name = f"broken_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(source)
        return name

    return write


@pytest.mark.parametrize("source", BROKEN)
def test_the_place_is_named(source: str, module: Callable[[str], str], tmp_path: Path) -> None:
    words, line = BROKEN[source]
    name = module(source)
    with pytest.raises(TargetError) as caught:
        import_object(name)
    assert words in str(caught.value)
    assert str(caught.value).endswith(f"(in {tmp_path / name}.py, line {line})")


@pytest.mark.parametrize("source", BROKEN)
def test_also_of_a_function_that_arqs_settings_name(source: str, module: Callable[[str], str], tmp_path: Path) -> None:
    name = module(source)
    with pytest.raises(SettingsError) as caught:
        read_arq_settings({"functions": [f"{name}.job"]})
    assert f"functions: '{name}.job'" in str(caught.value)
    assert str(caught.value).endswith(f"(in {tmp_path / name}.py, line {BROKEN[source][1]})")


@pytest.mark.parametrize("source", REFUSED)
def test_also_where_a_declaration_is_refused(source: str, module: Callable[[str], str], tmp_path: Path) -> None:
    words, line = REFUSED[source]
    name = module(source)
    with pytest.raises(SettingsError, match=words) as caught:
        import_object(name)
    assert str(caught.value).endswith(f"(in {tmp_path / name}.py, line {line})")


def test_a_package_without_jobs_has_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "empty_package").mkdir()
    (tmp_path / "empty_package" / "__init__.py").touch()
    with pytest.raises(TargetError, match=r"name the module that has them, such as empty_package\.jobs,"):
        load_target("empty_package", None, {})


def test_a_module_named_without_its_package(
    module: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = module("from . import other\n")
    with pytest.raises(TargetError) as caught:
        import_object(name)
    assert str(caught.value).endswith(f"use {tmp_path.name}.{name}, from the folder {tmp_path.parent}")


@pytest.mark.parametrize("path", ["no_such_module", "no_such_module.jobs", "no_such_module:app"])
def test_a_missing_module_is_an_error_of_the_public_class(path: str) -> None:
    with pytest.raises(TargetError, match="there is no module 'no_such_module'") as caught:
        import_object(path)
    assert type(caught.value) is TargetError


def test_misspelled_modules_and_names_get_the_nearest(
    module: Callable[[str], str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = module("from monarq import job\n@job\nasync def misspelled(): ...\n")
    with pytest.raises(TargetError, match=r"has no 'misspeled'; did you mean 'misspelled'\?$"):
        import_object(f"{name}:misspeled")
    with pytest.raises(TargetError, match=f"there is no module 'x{name}'.*; did you mean '{name}'\\?$"):
        import_object(f"x{name}:misspelled")


@pytest.mark.parametrize(
    "line", ['ResultTimeoutError("id", 1)', 'RedisUnavailableError("away")', 'JobCancelledError("it was")']
)
def test_a_script_that_waits_for_jobs_is_told_where_to_put_that(line: str, module: Callable[[str], str]) -> None:
    name = module(f"from monarq import {line.partition('(')[0]}\n\nraise {line}\n")
    with pytest.raises(TargetError, match=r'put that code under if __name__ == "__main__":$'):
        import_object(name)
