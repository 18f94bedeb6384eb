"""`monarq completion`: a real shell takes the script, and completes commands and options by it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import ROOT, environment, monarq
from tests.cli.conftest import NOWHERE


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a program `monarq`, as the script calls it."""
    program = tmp_path / "monarq"
    program.write_text(f'#!/bin/sh\ncd "{ROOT}" && exec {sys.executable} -m monarq "$@"\n')
    program.chmod(0o755)
    return tmp_path


def offers(folder: Path, *words: str) -> list[str]:
    """What bash offers for the last word of a line."""
    listed = " ".join(f"'{word}'" for word in words)
    script = f"""
        eval "$(monarq completion bash)"
        COMP_WORDS=({listed}) COMP_CWORD={len(words) - 1}
        _monarq_completion monarq
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    env = environment(NOWHERE)
    env["PATH"] = f"{folder}:{env['PATH']}"
    ran = subprocess.run(["bash", "-c", script], env=env, capture_output=True, text=True, check=True)
    return ran.stdout.split()


def test_bash_completes_commands(folder: Path) -> None:
    assert offers(folder, "monarq", "wor") == ["worker", "workers"]


def test_bash_completes_options(folder: Path) -> None:
    assert offers(folder, "monarq", "stats", "--jso") == ["--json"]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
async def test_every_shell_has_a_script(shell: str) -> None:
    ended = await monarq("completion", shell, url=NOWHERE)
    assert ended.code == 0
    assert "_MONARQ_COMPLETE" in ended.out


async def test_the_script_for_zsh_brings_what_a_bare_zshrc_lacks() -> None:
    lines = (await monarq("completion", "zsh", url=NOWHERE)).out.splitlines()
    assert lines[0] == "#compdef monarq", "zsh looks for it in the first line of a file of its fpath"
    assert lines[1] == "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }"


async def test_another_shell_is_refused_and_those_there_are_named() -> None:
    ended = await monarq("completion", "tcsh", url=NOWHERE)
    assert ended.code == 2
    assert "'bash', 'zsh', 'fish'" in ended.err
