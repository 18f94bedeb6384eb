"""`python -m benchmarks`: runs monarq and its peers, prints the tables, writes rows and plot."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click
import uvloop
from rich.console import Console

from benchmarks import floor, formats, idle, renewal, scale
from benchmarks.measuring import machine
from benchmarks.measuring.measures import SMALL, Effort
from benchmarks.measuring.meter import Meter
from benchmarks.measuring.rounds import Plan, run
from benchmarks.reports import chart, report
from benchmarks.running.environments import Environment, UnavailableError, prepare
from benchmarks.running.roster import ROSTER
from benchmarks.running.servers import postgres
from monarq.embedded import EmbeddedRedis
from monarq.shared.protocol.queue_ref import FORMATS
from monarq.workers.system.cores import usable_cores

PLOTTED = ("noop/s, 1 worker(s)", "enqueue/s in bulk", "enqueue/s one by one")


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="How often each peer is measured.")
@click.option("--small", is_flag=True, help="A short run of each of monarq's benchmarks: shows only that they work.")
@click.option("--peers", metavar="NAMES", help="Only these, separated by commas. Default: all; with --small, monarq.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/bench.json"), show_default=True)
@click.option("--plot", type=click.Path(path_type=Path), help="Write an SVG here.")
def main(rounds: int, small: bool, peers: str | None, out: Path, plot: Path | None) -> None:
    """Measure monarq and its peers in turn on one Redis."""
    console = Console(width=None if Console().is_terminal else 200)
    everybody = ["monarq"] if small else [peer.name for peer in ROSTER]
    environments = prepare_all(peers.split(",") if peers else everybody, console)
    about = {
        "taken": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine.describe(),
        "versions": {environment.peer.name: environment.version for environment in environments},
    }
    with ExitStack() as stack:
        server = stack.enter_context(EmbeddedRedis(port=0))
        about["redis"] = server.description
        urls = {"redis": server.url}
        if any(environment.peer.server == "postgres" for environment in environments):
            urls["postgres"] = stack.enter_context(postgres())
        plan = Plan(environments, rounds, SMALL if small else Effort(), usable_cores(), console.log)
        taken = list(run(plan, urls, Meter(server.url)))
    report.write_json(out, about, taken)
    summary = report.Summary(taken, [environment.peer.name for environment in environments])
    report.print_tables(summary, console)
    console.print(about)
    if plot is not None:
        plot.write_text(draw(summary) + "\n")
    if small and not peers:
        run_the_others(console)
    if failed := [f"{name}: {case}" for name, case in plan.failed if name == "monarq"]:
        raise click.ClickException(f"not measured: {', '.join(failed)}")


def draw(summary: report.Summary) -> str:
    """The most telling measures as bars."""
    groups = []
    for measure in PLOTTED:
        found = [(peer, summary.median(measure, peer)) for peer in summary.peers]
        bars = [chart.Bar(peer, value) for peer, value in found if value is not None]
        groups.append((measure, sorted(bars, key=lambda bar: -bar.value)))
    return chart.bars("No-op jobs, medians of all rounds", groups)


def run_the_others(console: Console) -> None:
    """Runs the floor and the scaling benchmarks for a moment each."""
    with EmbeddedRedis(port=0) as server:
        for queue_format in FORMATS:
            costs, _ = uvloop.run(floor.measure(server.url, 1000, queue_format))
            floor.print_costs(costs, console)
        measured = uvloop.run(formats.measure(formats.Server(server.url, "", lambda: 0.0), 200, 1))
        assert all(len(costs) == 1 for costs in measured.values())
        for queue_format in FORMATS:
            uvloop.run(renewal.measure(formats.Server(server.url, "", lambda: 0.0), queue_format, 100, 2))
    assert uvloop.run(idle.measure(idle.FEW))
    points = [point for name in scale.PARTS for point in scale.run_part(name, scale.FEW)]
    scale.print_points(points, console)
    assert scale.draw(points).endswith("</svg>")


def prepare_all(names: list[str], console: Console) -> list[Environment]:
    """The environments of these peers; those that are unavailable are reported and left out.

    Raises:
        click.BadParameter: a peer does not exist.
    """
    known = {peer.name: peer for peer in ROSTER}
    if unknown := set(names) - set(known):
        raise click.BadParameter(f"no such peers: {', '.join(sorted(unknown))}; the peers are {', '.join(known)}")
    found = []
    for name in names:
        try:
            found.append(prepare(known[name]))
        except UnavailableError as error:
            console.print(f"{name} is left out: {error}")
    return found


if __name__ == "__main__":
    main()
