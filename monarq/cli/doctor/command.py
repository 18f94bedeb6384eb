"""`monarq doctor`: checks whether a worker could run here, and says what to fix."""

from __future__ import annotations

from typing import Final

import click

from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import verbose_option
from monarq.cli.command_line.redis_source import redis_option
from monarq.cli.command_line.variables import unknown_variables

SECTIONS: Final = {
    "Examples": """
monarq doctor                        check this machine, the installation and Redis
monarq doctor app.jobs               also check the jobs of app.jobs
monarq doctor --json | jq '.findings[] | select(.level != "ok")'
""",
    "JSON": """
{"ok": bool, "findings": [{section, subject, found, level, advice}]}
level is ok, warning (it works, but may lose jobs or be slow) or problem (a worker cannot run)
""",
    "Exit code": """
0: a worker can run here; 1: it cannot; 2: the command could not run
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.argument("target", required=False, envvar="MONARQ_WORKER_TARGET")
@redis_option
@click.option("--json", is_flag=True, help="Print one JSON object.")
@verbose_option
def doctor(target: str | None, redis: str | None, json: bool) -> int:
    """Check whether a worker could run here, and say what to fix.

    It checks the installation, the machine (cores, memory, open files), Redis (version, persistence, eviction, memory,
    clock, permissions, latency), its queues (jobs that no worker knows) and environment variables that belong to no
    setting. If there is a TARGET, as for `monarq worker`, it also checks its jobs and queues. The default TARGET is
    that of the environment or of pyproject.toml, as for a worker. It changes nothing: the keys that it writes to test
    its permissions are deleted at once.
    """
    from monarq.cli.doctor.actions import examine

    return examine(target, redis, unknown_variables(), as_json=json)
