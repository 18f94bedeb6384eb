"""`monarq doctor`: says what a worker would meet here, and what to do about it."""

from __future__ import annotations

from typing import Final

import click

from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import verbose_option
from monarq.cli.command_line.redis_source import redis_option
from monarq.cli.command_line.variables import unknown_variables

SECTIONS: Final = {
    "Examples": """
monarq doctor                        this machine, what is installed, and the Redis
monarq doctor app.jobs               also what a worker of app.jobs would run
monarq doctor --json | jq '.findings[] | select(.level != "ok")'
""",
    "JSON": """
{"ok": bool, "findings": [{section, subject, found, level, advice}]}
level is ok, warning (it works, but may lose jobs or be slow) or problem (a worker cannot work)
""",
    "Exit code": """
0 a worker can work here, 1 it cannot, 2 the command could not run
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("target", required=False, envvar="MONARQ_WORKER_TARGET")
@redis_option
@click.option("--json", is_flag=True, help="Print one JSON object.")
@verbose_option
def doctor(target: str | None, redis: str | None, json: bool) -> int:
    """Look at what a worker would meet here, and say what to do about it.

    It looks at what is installed, the machine (cores, memory, open files), the Redis (version, persistence, eviction,
    memory, clocks, the rights of its user, how far away it is), at environment variables that no setting has and, where
    there is a TARGET, as for `monarq worker`, at the jobs and queues that it names. Without one it takes that of the
    environment or of pyproject.toml, as a worker does. It changes nothing: what it writes in Redis, to see whether it
    may, is deleted at once.
    """
    from monarq.cli.doctor.actions import examine

    return examine(target, redis, unknown_variables(), as_json=json)
