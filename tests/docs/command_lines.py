"""The lines of console blocks: what is a command, what is output, and whether a command can be run here."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from typing import Any, Final

import click

from monarq.cli.app import app
from tests.support.command import ROOT

RUNNABLE: Final = frozenset({"python", "python3", "pytest", "export", "cat", "ls", "mkdir", "echo"})
CHECKED: Final = frozenset({"pip", "make", "docker"})
_PROMPT: Final = re.compile(r"^ *\$ (.*)$")
_BETWEEN_COMMANDS: Final = frozenset({"|", "||", "&", "&&", ";", "(", ")", "|&"})


@dataclass
class Line:
    """A command, and the output that is shown for it."""

    command: str
    output: list[str] = field(default_factory=list)


_COMMENT: Final = re.compile(r" +#(?: .*)?$", re.MULTILINE)


def read_lines(text: str, language: str) -> list[Line]:
    """The commands of a block: after `$` in a console, each line in a script."""
    if language in {"sh", "bash"}:
        lines = [_COMMENT.sub("", line) for line in text.splitlines() if not line.startswith("#")]
        return [Line(line) for line in lines if line.strip()]
    found: list[Line] = []
    for line in text.splitlines():
        if prompt := _PROMPT.match(line):
            found.append(Line(_COMMENT.sub("", prompt[1])))
        elif found and found[-1].command.endswith("\\"):
            found[-1].command += "\n" + line
        elif found:
            found[-1].output.append(line)
    return found


def simple_commands(line: str) -> Iterator[list[str]]:
    """The words of each command of a line, whose variables stand before it; redirections are left out."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    skip = False
    for word in lexer:
        if word in _BETWEEN_COMMANDS:
            if words:
                yield words
            words = []
        elif skip or set(word) <= {"<", ">", "&"} or re.fullmatch(r"\d?>+.*", word):
            skip = not skip and set(word) <= {"<", ">"}
        elif words or not re.fullmatch(r"[A-Z_]+=.*", word):
            words.append(word)
    if words:
        yield words


def monarq_words(words: Sequence[str]) -> list[str] | None:
    """The arguments of `monarq`, where the command is that."""
    if words[0].rsplit("/", 1)[-1] == "monarq":
        return list(words[1:])
    if words[:3] in (["python", "-m", "monarq"], ["python3", "-m", "monarq"]):
        return list(words[3:])
    if words[:3] == ["docker", "compose", "exec"] and "monarq" in words:
        return list(words[words.index("monarq") + 1 :])
    return None


def parse_monarq(arguments: Sequence[str]) -> click.Context:
    """The context of a command of monarq, as click reads it.

    Raises:
        click.ClickException: there is no such command, option or value.
    """
    context = app.make_context("monarq", list(arguments))
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest:
            return context
        name, command, rest = context.command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, rest, parent=context)
    return context


def runs_until_stopped(context: click.Context) -> bool:
    """Whether a command of monarq goes on until Ctrl-C."""
    given: dict[str, Any] = context.params
    if context.info_name == "worker":
        return not given.get("burst") and not given.get("check")
    return context.info_name in {"web", "redis", "exporter"} or bool(given.get("watch"))


def check(words: Sequence[str]) -> bool:
    """Looks up what a command names, where it is one of those that are not run here; False where it is another.

    Raises:
        AssertionError: what it names is not there.
    """
    if (arguments := monarq_words(words)) is not None:
        parse_monarq(arguments)
    elif "pip" in words[:3] or words[0] == "pip":
        for name in re.findall(r"\[([\w,-]+)\]", " ".join(words)):
            assert set(name.split(",")) <= _extras(), f"there is no extra {name!r} of monarq"
    elif words[0] == "make":
        targets = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        assert set(targets) <= _make_targets(), f"the Makefile has not all of {targets}"
    elif words[1:2] == ["-m"] and words[2].split(".")[0] in {"benchmarks", "chaos", "examples", "tests"}:
        assert find_spec(words[2]), f"there is no module {words[2]}"
    elif words[:2] == ["docker", "compose"]:
        named = [word for word in words[3:] if word in {"worker", "producer", "redis", "web", "monarq"}]
        assert set(named) - {"monarq"} <= _compose_services(), f"docker-compose.yml has not all of {named}"
    else:
        return False
    return True


@cache
def _extras() -> frozenset[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return frozenset(project["optional-dependencies"])


@cache
def _make_targets() -> frozenset[str]:
    return frozenset(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))


@cache
def _compose_services() -> frozenset[str]:
    import yaml

    return frozenset(yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"])
