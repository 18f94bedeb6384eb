"""The output of `monarq doctor`: one line per finding, followed by what to do if anything is to be done."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from rich.console import Group, RenderableType
from rich.text import Text

from monarq.cli.doctor.finding import Finding, Level
from monarq.cli.terminal.tables import open_table
from monarq.shared.text.printable import printable

_MARKS: Final[dict[Level, tuple[str, str]]] = {
    "ok": ("ok", "green"),
    "warning": ("warning", "yellow"),
    "problem": ("PROBLEM", "bold red"),
}
MARK_WIDTH: Final = 7


def render_findings(findings: Sequence[Finding]) -> RenderableType:
    """The findings by section."""
    subject_width = max(len(finding.subject) for finding in findings)
    parts: list[RenderableType] = []
    for section, found in groupby(findings, key=lambda finding: finding.section):
        table = open_table()
        table.show_header = False
        table.add_column(min_width=MARK_WIDTH)
        table.add_column(min_width=subject_width, style="dim", no_wrap=True)
        table.add_column()
        for finding in found:
            mark, style = _MARKS[finding.level]
            lines = [finding.found, *([finding.advice] if finding.advice else [])]
            table.add_row(Text(mark, style=style), printable(finding.subject), "\n".join(map(printable, lines)))
        parts += [Text(section, style="bold"), table, Text("")]
    return Group(*parts, _summary(findings))


def _summary(findings: Sequence[Finding]) -> Text:
    problems = sum(finding.level == "problem" for finding in findings)
    warnings = sum(finding.level == "warning" for finding in findings)
    if not problems and not warnings:
        return Text("No problems found: a worker can run here.", style="green")
    counted = [_counted(problems, "problem")] * bool(problems) + [_counted(warnings, "warning")] * bool(warnings)
    verdict = "a worker cannot run here" if problems else "a worker can run here"
    return Text(f"{' and '.join(counted)}: {verdict}.", style="red" if problems else "yellow")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
