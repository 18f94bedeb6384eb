"""`monarq web`: serves the web page of queues, jobs, workers and dead letters."""

from __future__ import annotations

from typing import Final

import click

from monarq.cli.command_line.help import SectionedCommand
from monarq.cli.command_line.options import verbose_option
from monarq.cli.command_line.redis_source import open_source, redis_option
from monarq.cli.command_line.settings import setting_option
from monarq.cli.terminal.console import say
from monarq.shared.settings.lookup import configured

SECTIONS: Final = {
    "Examples": """
monarq web                                   http://127.0.0.1:8080/, for this machine only
monarq web --read-only --port 0
MONARQ_WEB_TOKEN=... monarq web --host 0.0.0.0 --allow-host queue.example.com
""",
    "In your own app": """
from monarq.web import create_app
Starlette(routes=[Mount("/queue", create_app("redis://..."))])
""",
}


@click.command(cls=SectionedCommand, sections=SECTIONS)
@setting_option("web", "host", default="127.0.0.1", metavar="ADDRESS")
@setting_option("web", "port", default=8080, metavar="PORT")
@setting_option("web", "read_only", default=False)
@setting_option("web", "allow_host", metavar="NAME")
@setting_option("web", "root_path", default="", metavar="PATH")
@redis_option
@verbose_option
def web(
    host: str,
    port: int,
    read_only: bool,
    allow_host: tuple[str, ...],
    root_path: str,
    redis: str | None,
) -> None:
    """Serve a web page that shows and manages the queues, until Ctrl-C.

    Only this machine can reach it, unless a token or a user is set. MONARQ_WEB_TOKEN is the token to log in with;
    programs send it as Authorization: Bearer. MONARQ_WEB_USER is a user and password, NAME:PASSWORD (Authorization:
    Basic). Neither has an option, since other users can see a command line.
    """
    import asyncio

    import uvloop

    from monarq.cli.web.server import open_page

    with open_source(redis) as source:
        page = open_page(
            source,
            host=host,
            port=port,
            token=configured("web", "token"),
            user=configured("web", "user"),
            read_only=read_only,
            allow_host=allow_host,
            root_path="/" + root_path.strip("/") if root_path.strip("/") else "",
        )
        say(f"monarq: the page is at {page.url}{' (read-only)' if read_only else ''}")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(page.serve())
