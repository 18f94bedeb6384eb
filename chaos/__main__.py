"""``python -m chaos``: runs scenarios one after the other and reports their outcomes."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import click
from rich.console import Console

from chaos.checks.checker import judge
from chaos.environment import Environment
from chaos.outcome import Outcome
from chaos.report import describe_machine, missed_lines, show, write_rows
from chaos.scenarios import SCENARIOS, SELECTIONS, Scenario
from monarq.shared.protocol.queue_ref import FORMATS, Format


@click.command()
@click.argument("names", nargs=-1, metavar="[T1 T2 …]")
@click.option("--size", type=click.Choice(["ci", "short", "long"]), default="short", show_default=True)
@click.option("--format", "formats", type=click.Choice(FORMATS), multiple=True, help="Queue format. Default: both.")
@click.option("--seed", type=int, help="Repeats a run's choices. Default: a new one, which is printed.")
@click.option("--control", type=click.Choice(["arq"]), help="Run them with stock arq: the checks must find faults.")
@click.option("--rows", type=click.Path(dir_okay=False, path_type=Path), default=Path("build/chaos.jsonl"))
@click.option("--keep", is_flag=True, help="Keep the scenarios' directories: ledgers, logs, Redis' files.")
def main(
    names: tuple[str, ...],
    size: str,
    formats: tuple[Format, ...],
    seed: int | None,
    control: str | None,
    rows: Path,
    keep: bool,
) -> None:
    """Run fault scenarios and check that nothing is lost; exit with 1 if a check fails."""
    unknown = sorted(set(names) - set(SCENARIOS))
    if unknown:
        raise click.UsageError(f"no scenario is named {', '.join(unknown)}; the scenarios are {', '.join(SCENARIOS)}")
    chosen: list[tuple[Scenario, Format]] = [
        (scenario, each)
        for each in (("arq",) if control else formats or FORMATS)
        for scenario in map(SCENARIOS.__getitem__, names or SELECTIONS[size][each])
        if each in scenario.formats and (scenario.controls or not control)
    ]
    seed = random.SystemRandom().getrandbits(32) if seed is None else seed
    console = Console(width=None if sys.stdout.isatty() else 180)
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends every process, as Ctrl-C does
    outcomes, version = asyncio.run(_play_all(chosen, seed, size, control, keep, console))
    machine = describe_machine(seed, version) | {"side": control or "monarq", "size": size}
    rows.parent.mkdir(parents=True, exist_ok=True)
    write_rows(outcomes, rows, machine)
    title = f"{machine['side']} {machine[str(machine['side'])]}, seed {seed}, Redis {version}, {machine['cores']} cores"
    show(outcomes, console, title)
    sys.exit(0 if control or all(outcome.passed for outcome in outcomes) else 1)


async def _play_all(
    chosen: list[tuple[Scenario, Format]], seed: int, size: str, control: str | None, keep: bool, console: Console
) -> tuple[list[Outcome], str]:
    outcomes, version = [], ""
    for scenario, queue_format in chosen:
        started_s = time.monotonic()
        label = f"{scenario.name} {queue_format}"
        console.print(f"{label}: {scenario.title} …")
        directory = Path(tempfile.mkdtemp(prefix=f"chaos-{scenario.name}-"))
        environment = Environment(
            scenario.name,
            scenario.title,
            directory,
            seed=seed,
            size=size,
            control=control,
            queue_format=queue_format,
        )
        try:
            await environment.redis.start()
            version = await environment.redis.version()
            outcomes.append(await _play(scenario, environment))
        finally:
            await environment.close()
        _print_outcome(outcomes[-1], time.monotonic() - started_s, console)
        if keep:
            console.print(f"{label}: everything is in {directory}")
        else:
            shutil.rmtree(directory)
    return outcomes, version


async def _play(scenario: Scenario, environment: Environment) -> Outcome:
    """The outcome of a scenario; one that could not run to its end has failed."""
    try:
        return await scenario.play(environment)
    except (TimeoutError, RuntimeError) as error:
        outcome = Outcome(scenario.name, scenario.title, judge(environment.events()), queue_format=environment.format)
        outcome.check("played to its end", repr(error), equals="yes")
        return outcome


def _print_outcome(outcome: Outcome, seconds: float, console: Console) -> None:
    outcome.seconds = seconds
    verdict = "passed" if outcome.passed else "MISSED"
    console.print(f"{outcome.name} {outcome.queue_format}: {verdict} in {seconds:.0f} s")
    for line in missed_lines(outcome):
        console.print(line)


if __name__ == "__main__":
    main()
