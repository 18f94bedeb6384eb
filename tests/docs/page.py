"""`python -m tests.docs.page PAGE`: runs the blocks of one page, in a process of its own, and prints how each was run.

It expects a Redis at REDIS_URL that nobody else uses, and stops at the first block that goes wrong.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import importlib
import inspect
import io
import json
import os
import re
import sys
import tempfile
import traceback
import types
from pathlib import Path
from typing import Any, Final

from tests.docs import data_files
from tests.docs.blocks import Block, read_blocks
from tests.docs.command_lines import Line, check, read_lines, simple_commands
from tests.docs.page_session import DocumentationError, PageSession, compare_output
from tests.docs.plans import CONSOLES, DATA, plan, plan_of_command

NAMESPACE: Final = "documentation"
_ARROW: Final = re.compile(r"\s*(\S+) --> (\S+): \S.*")


class PageRunner:
    """Runs the blocks of one page in order."""

    def __init__(self, session: PageSession, runner: asyncio.Runner) -> None:
        self._session = session
        self._runner = runner
        self._module = types.ModuleType(NAMESPACE)

    def run(self, block: Block) -> str:
        """Runs a block as planned, and says how."""
        how = plan(block)
        for mark in block.marks:
            if mark.word == "fresh":
                self._module = types.ModuleType(NAMESPACE)
            elif mark.word == "worker":
                self._session.start(Line(f"monarq worker {mark.text}"))
            elif mark.word == "setup":
                self._execute(mark.text, block)
        if how == "parsed":
            _parse(block)
            if block.file:
                self._session.write(block.file, block.text)
        elif how == "compared":
            self._compare(block)
        elif how != "shown":
            self._run(block)
        return how

    def _run(self, block: Block) -> None:
        if block.language in CONSOLES:
            self._run_lines(block)
        elif block.language == "diff":
            sides = [line for line in block.text.splitlines() if line[:1] in {"+", " "}]
            self._execute("\n".join(line[1:] for line in sides), block)
        elif block.file:
            self._session.write(block.file, block.text)
            if not Path(block.file).name.startswith("test_"):
                self._import(block.file)
        else:
            self._execute(block.text, block)

    def _run_lines(self, block: Block) -> None:
        for line in read_lines(block.text, block.language):
            how = plan_of_command(line.command, block.place)
            if how == "run":
                self._session.run(line)
            elif how == "started":
                self._session.start(line)
            else:
                _check_line(line.command)

    def _compare(self, block: Block) -> None:
        if block.mark("output"):
            compare_output(block.text.splitlines(), self._session.last_output, "the block before")
        elif block.language in DATA:
            data_files.compare(block)
            if block.file:
                self._session.write(block.file, block.text)
        elif block.language == "mermaid":
            wrong = [line for line in block.text.splitlines()[1:] if not _ARROW.fullmatch(line)]
            assert not wrong, f"these are not arrows with a text: {wrong}"
        else:
            for line in read_lines(block.text, block.language):
                _check_line(line.command)

    def _import(self, file: str) -> None:
        """Imports a module of the page's folder: anew, where the page has shown it before."""
        name = file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        for loaded in [each for each in sys.modules if each == name or each.startswith(f"{name}.")]:
            del sys.modules[loaded]
        importlib.invalidate_caches()
        if _is_script(self._session.folder / file):
            self._session.scripts.add(file)  # a console block runs it
            return
        self._session.last_output = self._printed(lambda: importlib.import_module(name))

    def _execute(self, source: str, block: Block) -> None:
        """Runs Python in the page's namespace, with `await` at its top level."""
        sys.modules[NAMESPACE] = self._module
        code = _compile(source, block)
        names: dict[str, Any] = self._module.__dict__
        if code.co_flags & inspect.CO_COROUTINE:
            self._session.last_output = self._printed(lambda: self._runner.run(eval(code, names)))
        else:
            self._session.last_output = self._printed(lambda: exec(code, names))

    @staticmethod
    def _printed(call: Any) -> str:
        output = io.StringIO()
        with contextlib.redirect_stdout(output):
            call()
        return output.getvalue()


def _compile(source: str, block: Block) -> types.CodeType:
    """Compiles it so that tracebacks name the line of the page."""
    return compile(
        "\n" * block.line + source,
        block.page,
        "exec",
        flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT,
        dont_inherit=True,
    )


def _is_script(path: Path) -> bool:
    """Whether a module does something when it is imported: it is run by a command instead."""
    return bool(re.search(r"^(asyncio\.run\(|if __name__ == |main\()", path.read_text(), re.MULTILINE))


def _parse(block: Block) -> None:
    if block.language in {"python", "diff"}:
        _compile(block.text, block)
    elif block.language in DATA:
        data_files.compare(block)
    elif block.language in CONSOLES:
        for line in read_lines(block.text, block.language):
            _check_line(line.command)


def _check_line(command: str) -> None:
    for words in simple_commands(command):
        check(words)


def run_page(page: str, url: str) -> list[tuple[str, str, str]]:
    """Runs a page: the place, the language and the way of each block.

    Raises:
        DocumentationError: a block went wrong; its place is in the message.
    """
    done: list[tuple[str, str, str]] = []
    with tempfile.TemporaryDirectory(prefix="monarq-docs-") as top, asyncio.Runner() as runner:
        folder = Path(top) / "page"
        folder.mkdir()
        session = PageSession(folder, url)
        os.environ.update(session.environment)
        sys.path.insert(0, str(folder))
        os.chdir(folder)
        blocks = PageRunner(session, runner)
        try:
            for block in read_blocks(page):
                try:
                    done.append((block.place, block.language, blocks.run(block)))
                except BaseException as error:
                    raise DocumentationError(f"{block.place}: {type(error).__name__}: {error}") from error
            if session.scripts:
                raise DocumentationError(f"{page}: no command of the page runs {', '.join(sorted(session.scripts))}")
        finally:
            session.stop()
            os.chdir("/")
    return done


def main() -> int:
    """Prints the blocks as a line of JSON, or what went wrong on stderr, and returns the exit code."""
    try:
        done = run_page(sys.argv[1], os.environ["REDIS_URL"])
    except DocumentationError as error:
        if error.__cause__ is not None:
            traceback.print_exception(error.__cause__)
        print(error, file=sys.stderr)
        return 1
    print(json.dumps(done))
    return 0


if __name__ == "__main__":
    sys.exit(main())
