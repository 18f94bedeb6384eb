"""Writes the tables of docs/performance.md from the raw rows, none of them by hand: `python -m benchmarks.tables`."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import click

from benchmarks.reports.report import short
from benchmarks.running.roster import ROSTER
from benchmarks.scale import PLOTS

BEGIN: Final = "<!-- figures: written by python -m benchmarks.tables -->"
END: Final = "<!-- end of figures -->"

GROUPS: Final[dict[str, dict[str, str]]] = {
    "No-op jobs": {
        "noop/s, 1 worker(s)": "jobs/s, 1 process",
        "noop/s, 2 worker(s)": "jobs/s, 2 processes",
        "noop/s with 1 KB": "1 KB",
        "noop/s with 100 KB": "100 KB",
        "enqueue/s in bulk": "enqueue/s in bulk",
        "enqueue/s one by one": "one by one",
    },
    "Latency, in ms": {
        "lone job waits ms p50": "alone p50",
        "lone job waits ms p99": "p99",
        "lone job waits ms p99.9": "p99.9",
        "wait ms at half load p50": "at half load p50",
        "wait ms at half load p99": "p99",
        "wait ms at half load p99.9": "p99.9",
    },
    "Real work": {
        "io: s for 2,000 jobs of 50 ms": "2,000 io jobs, s",
        "cpu: cores used, 1 worker(s)": "cpu jobs: cores, 1 process",
        "cpu: cores used, 2 worker(s)": "cores, 2 processes",
        "io job waits ms, cores full p50": "io wait, cores full, ms p50",
        "io job waits ms, cores full p99": "p99",
    },
    "An idle pool of one worker": {
        "idle: % of a core": "% of a core",
        "idle: Redis commands/s": "Redis commands/s",
        "idle: memory MB": "memory, MB",
    },
}

Rows = Sequence[dict[str, Any]]


def tabulate(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table with right-aligned numbers."""
    lines = ["| " + " | ".join(headings) + " |", "|---|" + "---:|" * (len(headings) - 1)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def peers_tables(run: dict[str, Any]) -> str:
    """The peers' medians, and the ranges of their rounds."""
    values: dict[tuple[str, str], list[float]] = {}
    for row in run["rows"]:
        values.setdefault((row["measure"], row["peer"]), []).append(row["value"])
    parts = [_about(run)]
    for title, measures in GROUPS.items():
        rows = []
        for peer in run["versions"]:
            cells = [_median(values.get((measure, peer))) for measure in measures]
            if any(cells):
                rows.append([f"{peer} {run['versions'][peer]}", *cells])
        parts.append(f"### {title}\n\n{tabulate(['', *measures.values()], rows)}")
    notes = [f"{peer.name}: {peer.note}." for peer in ROSTER if peer.note and peer.name in run["versions"]]
    return "\n\n".join([*parts, " ".join(notes)])


def _median(values: list[float] | None) -> str:
    if not values:
        return ""
    median = statistics.median(values)
    apart = (max(values) - min(values)) / 2 / median * 100 if median else 0
    return f"{short(median)} ±{apart:.0f} %" if len(values) > 1 else short(median)


def _about(run: dict[str, Any]) -> str:
    about = run["machine"]
    rounds = max(row["round"] for row in run["rows"]) + 1
    busy = about["load_before"] > about["cores"] / 4
    disturbed = " Other work shared the machine at the time, so the figures are too low and uneven." if busy else ""
    return (
        f"Taken {run['taken']} in {rounds} round{'s' if rounds > 1 else ''}: {about['cores']} cores ({about['cpu']}), "
        f"{about['memory_gb']} GB, {about['system']}, Python {about['python']}, {run['redis'].partition(' from')[0]}, "
        f"load average {about['load_before']} before the run. ± is half the range of the rounds."
        f"{disturbed}"
    )


def floor_table(run: dict[str, Any]) -> str:
    """The table of the floor."""
    headings = ["", "batch", "jobs/s", "Redis µs per job", "commands per job", "bytes in", "bytes out"]
    rows = [
        [
            row["step"],
            str(row["batch"]),
            short(row["rate"]),
            f"{row['redis_us']:.1f}",
            *(short(row[name]) for name in ("commands", "bytes_in", "bytes_out")),
        ]
        for row in run["rows"]
    ]
    ping = run["quiet_ping_ms"]
    return (
        f"### What Redis allows\n\nScripts of the {run['format']} format. Load average "
        f"{run['machine']['load_before']}.\n\n{tabulate(headings, rows)}\n\n"
        f"A PING after 20 ms of quiet took {ping['p50']:.2f} ms (p50), {ping['p99']:.2f} ms (p99): "
        "the time it takes here to wake Redis and then the client. A lone job makes two such round trips."
    )


def scale_tables(run: dict[str, Any]) -> str:
    """One table per plot: x in the heading, one row per line."""
    parts = [f"### As work grows\n\nLoad average {run['machine']['load_before']}."]
    for plot, (title, x_label, y_label) in PLOTS.items():
        points = [point for point in run["points"] if point["plot"] == plot]
        if not points:
            continue
        xs = sorted({point["x"] for point in points})
        at = {(point["line"], point["x"]): point["y"] for point in points}
        rows = [
            [line, *(short(at[line, x]) if (line, x) in at else "" for x in xs)]
            for line in dict.fromkeys(point["line"] for point in points)
        ]
        parts.append(f"{title} ({y_label}):\n\n{tabulate([x_label, *(f'{x:,.0f}' for x in xs)], rows)}")
    return "\n\n".join(parts)


SOURCES: Final = {"bench": peers_tables, "floor": floor_table, "scale": scale_tables}


@click.command()
@click.option("--rows", type=click.Path(path_type=Path, file_okay=False), default=Path("build"), show_default=True)
@click.option("--into", type=click.Path(path_type=Path, exists=True), help="The page in which to replace the figures.")
def main(rows: Path, into: Path | None) -> None:
    """Write the tables of the last runs from bench.json, floor.json and scale.json in the folder."""
    found = [(tabulated, rows / f"{name}.json") for name, tabulated in SOURCES.items()]
    text = "\n\n".join(tabulated(json.loads(path.read_text())) for tabulated, path in found if path.exists())
    if into is None:
        print(text)
        return
    before, begin, rest = into.read_text().partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise click.ClickException(f"{into} has no place for figures: it must hold {BEGIN} and {END}")
    into.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}")


if __name__ == "__main__":
    main()
