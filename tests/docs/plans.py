"""How each block is run, as its language and its marks say."""

from __future__ import annotations

from typing import Final, Literal

from tests.docs.blocks import Block, MarkError
from tests.docs.command_lines import CHECKED, RUNNABLE, monarq_words, parse_monarq, read_lines, runs_until_stopped
from tests.docs.command_lines import simple_commands as split

How = Literal["run", "started", "compared", "parsed", "shown"]

MEANINGS: Final[dict[How, str]] = {
    "run": "run to its end",
    "started": "started, and stopped at the end of the page",
    "compared": "compared with what reads it, or with what was printed",
    "parsed": "parsed only, and its mark says why",
    "shown": "not run, and its mark says why",
}
DATA: Final = frozenset({"toml", "yaml", "json"})
CONSOLES: Final = frozenset({"console", "sh", "bash"})


def plan(block: Block) -> How:
    """How the block is run.

    Raises:
        MarkError: nobody knows how, and no mark says why it is not run.
    """
    if block.mark("not run"):
        return "shown"
    if block.mark("parse"):
        return "parsed"
    if block.mark("output") or block.language in DATA or block.language == "mermaid":
        return "compared"
    if block.language in {"python", "diff"}:
        return "run"
    if block.language in CONSOLES:
        return _plan_of_lines(block)
    raise MarkError(
        f"{block.place}: nobody knows how to run a block of {block.language or 'no language'}: mark it"
        " <!-- test: output --> or <!-- test: not run: REASON -->"
    )


def plan_of_command(command: str, place: str) -> How:
    """How a line of a console is run.

    Raises:
        MarkError: nobody knows how.
    """
    found: How = "run"
    for words in split(command):
        if (arguments := monarq_words(words)) is not None:
            context = parse_monarq(arguments)
            if context.info_name == "redis" or words[0] == "docker":
                return "compared"  # the page has a Redis
            found = "started" if runs_until_stopped(context) else found
        elif words[0] in CHECKED or words[1:3] == ["-m", "pip"]:
            return "compared"
        elif words[0] not in RUNNABLE:
            raise MarkError(
                f"{place}: nobody knows how to run {words[0]!r}: mark the block <!-- test: parse: REASON -->"
            )
    return found


def _plan_of_lines(block: Block) -> How:
    plans = [plan_of_command(line.command, block.place) for line in read_lines(block.text, block.language)]
    for how in ("run", "started"):
        if how in plans:
            return how
    return "compared"
