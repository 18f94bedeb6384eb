"""``python -m chaos.tables build/chaos.jsonl …``: prints rows of runs as a table for docs/reliability.md."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec

COLUMNS = (
    "",
    "fault",
    "format",
    "jobs",
    "kills",
    "in flight",
    "LOST",
    "DUP (bound)",
    "OVERLAP",
    "PHANTOM",
    "STALE-WRITE",
    "KEYLEAK",
    "recovery p50 / p99 / max, s",
    "worker deaths",
    "result",
)


@click.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(files: tuple[Path, ...]) -> None:
    """Print rows that `python -m chaos --rows` wrote to FILES as a Markdown table."""
    rows = [msgspec.json.decode(line) for path in files for line in path.read_bytes().splitlines()]
    rules = ["---", "---", "---", *["--:"] * (len(COLUMNS) - 4), "---"]
    for cells in (COLUMNS, None, *map(_cells, rows)):
        click.echo("|" + "|".join(rules) + "|" if cells is None else "| " + " | ".join(cells) + " |")


def _cells(row: dict[str, Any]) -> list[str]:
    recovery = row["recovery"]
    times = " / ".join(f"{recovery[name]:.2f}" for name in ("p50", "p99", "max")) if recovery["count"] else ""
    counts = ("overlap", "phantom", "stale")
    return [
        row["scenario"],
        row["title"],
        row.get("format", "arq"),
        f"{row['acked']:,}",
        str(row["kills"]),
        f"{row['in_flight']:,}",
        str(row["lost"]),
        f"{row['dup']:,} ({row['dup_bound']:,})",
        *(f"{row[name]:,}" for name in counts),
        str(row.get("key_leaks", "")),
        times,
        str(row["worker_deaths"]),
        "passed" if row["passed"] else "missed: " + ", ".join(_missed(row)),
    ]


def _missed(row: dict[str, Any]) -> list[str]:
    missed = [check for check in row["checks"] if not check["passed"]]
    return [f"{check['name']} {check['value']}, wanted {check['wanted']}" for check in missed]


if __name__ == "__main__":
    main()
