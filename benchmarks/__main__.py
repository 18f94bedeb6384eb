"""`python -m benchmarks`: runs monarq and its peers, prints the tables, writes rows and plot."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console

from benchmarks import machine, report
from benchmarks.environments import Environment, UnavailableError, prepare
from benchmarks.measures import SMALL, Effort
from benchmarks.meter import Meter
from benchmarks.roster import ROSTER
from benchmarks.rounds import Plan, run
from benchmarks.servers import postgres
from monarq.embedded import EmbeddedRedis
from monarq.workers.cores import usable_cores


@click.command()
@click.option("--rounds", type=click.IntRange(1), default=3, show_default=True, help="Each peer's turns.")
@click.option("--small", is_flag=True, help="A moment for each measure: shows that it works, and no more.")
@click.option("--peers", metavar="NAMES", help="Only these, with commas between them. Default: all.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/bench.json"), show_default=True)
def main(rounds: int, small: bool, peers: str | None, out: Path) -> None:
    """Measure monarq and its peers on one Redis, in turns."""
    console = Console(width=200 if not Console().is_terminal else None)
    names = peers.split(",") if peers else [peer.name for peer in ROSTER]
    environments = prepare_all(names, console)
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


def prepare_all(names: list[str], console: Console) -> list[Environment]:
    """The environments of these peers; those that cannot be had are told and left out.

    Raises:
        click.BadParameter: there is no such peer.
    """
    known = {peer.name: peer for peer in ROSTER}
    if unknown := set(names) - set(known):
        raise click.BadParameter(f"no such peers: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    found = []
    for name in names:
        try:
            found.append(prepare(known[name]))
        except UnavailableError as error:
            console.print(f"{name} is left out: {error}")
    return found


if __name__ == "__main__":
    main()
