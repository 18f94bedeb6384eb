"""`manage.py monarq_worker`: `monarq worker` with the tasks of the project."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from functools import partial
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monarq.django.backend import MonarqBackend
from monarq.django.served import BACKEND_VARIABLE, queues_of, redis_of, served_backends
from monarq.shared.errors import SettingsError

TARGET = "monarq.django.worker"


class Command(BaseCommand):
    """Runs a pool of workers for the tasks of the project, and for the jobs in its applications' `tasks` and `jobs`."""

    help = (
        "Runs the tasks of this project, in a process for each core, until Ctrl-C or SIGTERM. It takes the options of"
        " `monarq worker` as well, such as -w 2 -c 50 -q mail --burst --health-port 8080: see `monarq worker --help`."
        " By default it serves the QUEUES of all of the project's monarq backends."
    )

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """The parser of Django's options; what it does not know is the worker's."""
        parser: ArgumentParser = super().create_parser(prog_name, subcommand, **kwargs)
        parser.parse_args = partial(_parse_known, parser)  # type: ignore[assignment,method-assign]
        return parser

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Adds `--backend`."""
        parser.add_argument(
            "--backend",
            metavar="ALIAS",
            help="Serve this backend of TASKS alone. Default: all that are monarq's, which must then share one Redis.",
        )

    def handle(self, *args: str, worker_options: list[str] | None = None, **options: Any) -> None:
        """Runs the pool.

        Raises:
            CommandError: TASKS does not say what to run.
        """
        from monarq.cli.app import run  # what it imports is of no use to other commands

        given = [*args, *(worker_options or [])]
        backends = _chosen_backends(options.get("backend"))
        try:
            url = redis_of(backends)
        except SettingsError as error:
            raise CommandError(str(error)) from None
        os.environ["DJANGO_SETTINGS_MODULE"] = _settings_module()
        os.environ[BACKEND_VARIABLE] = options.get("backend") or ""
        arguments = ["worker", TARGET, *(["--redis", url] if url and not _names(given, "--redis") else [])]
        if not _names(given, "-q", "--queue") and "MONARQ_WORKER_QUEUES" not in os.environ:
            for queue in queues_of(backends):
                arguments += ["--queue", queue]
        if options.get("verbosity", 1) > 1:
            arguments.append("-v")
        if code := run([*arguments, *given]):
            sys.exit(code)


def _parse_known(parser: ArgumentParser, args: Any = None, namespace: Namespace | None = None) -> Namespace:
    found = namespace or Namespace()
    found.worker_options = parser.parse_known_args(args, found)[1]
    return found


def _chosen_backends(alias: str | None) -> list[MonarqBackend]:
    chosen = served_backends(alias)
    if not chosen:
        raise CommandError(
            f"TASKS[{alias!r}] is no monarq.django.MonarqBackend"
            if alias
            else 'TASKS has no backend of monarq: {"default": {"BACKEND": "monarq.django.MonarqBackend"}}'
        )
    return chosen


def _settings_module() -> str:
    from django.conf import settings

    name = getattr(settings, "SETTINGS_MODULE", None)
    if not name:
        raise CommandError("the settings have no module that worker processes could import: set DJANGO_SETTINGS_MODULE")
    return str(name)


def _names(given: list[str], *options: str) -> bool:
    return any(argument.split("=")[0] in options for argument in given)
