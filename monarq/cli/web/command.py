"""`monarq web`: serves the web page of queues, jobs, workers and dead letters."""

from __future__ import annotations

from typing import Final

import click

from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import verbose_option
from monarq.cli.command_line.redis_source import open_source, redis_option
from monarq.cli.terminal.console import say

SECTIONS: Final = {
    "Examples": """
monarq web                                   http://127.0.0.1:8080/, for this machine alone
monarq web --read-only --port 0
MONARQ_WEB_TOKEN=... monarq web --host 0.0.0.0 --allow-host queue.example.com
""",
    "In your own app": """
from monarq.web import create_app
Starlette(routes=[Mount("/queue", create_app("redis://..."))])
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="Where it listens.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8080,
    show_default=True,
    help="0 takes any free port.",
)
@click.option(
    "--token",
    metavar="SECRET",
    help="What one logs in with; programs send it as Authorization: Bearer. Better given as MONARQ_WEB_TOKEN:"
    " everybody can see a command line.",
)
@click.option(
    "--user",
    metavar="NAME:PASSWORD",
    help="The same as a user with a password (Authorization: Basic). Better given as MONARQ_WEB_USER.",
)
@click.option("--read-only", is_flag=True, help="Show everything, change nothing.")
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="A name that the page is reached by, beside localhost and --host; * for any. May be repeated.",
)
@click.option("--root-path", default="", metavar="PATH", help="The prefix that a proxy in front of it takes off.")
@redis_option
@verbose_option
def web(
    host: str,
    port: int,
    token: str | None,
    user: str | None,
    read_only: bool,
    allow_host: tuple[str, ...],
    root_path: str,
    redis: str | None,
) -> None:
    """Serve a page that shows and steers the queues, until Ctrl-C.

    It can be reached from this machine alone, unless a token or a user is set.
    """
    import asyncio

    import uvloop

    from monarq.cli.web.server import open_page

    with open_source(redis) as source:
        page = open_page(
            source,
            host=host,
            port=port,
            token=token,
            user=user,
            read_only=read_only,
            allow_host=allow_host,
            root_path="/" + root_path.strip("/") if root_path.strip("/") else "",
        )
        say(f"monarq: the page is at {page.url}{' (read-only)' if read_only else ''}")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(page.serve())
