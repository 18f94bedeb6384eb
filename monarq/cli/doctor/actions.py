"""Implements `monarq doctor`: checks the installation, the machine, the target and Redis, and prints the findings."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Collection, Mapping
from typing import Final

from monarq.cli.command_line.redis_source import open_url
from monarq.cli.doctor.finding import Finding
from monarq.cli.doctor.install_checks import check_installed
from monarq.cli.doctor.machine_checks import check_machine
from monarq.cli.doctor.queue_checks import check_queues
from monarq.cli.doctor.redis_checks import SECTION as REDIS
from monarq.cli.doctor.redis_checks import check_redis
from monarq.cli.doctor.target_checks import check_target
from monarq.cli.doctor.view import render_findings
from monarq.cli.terminal.console import FAILED, open_console
from monarq.shared.errors import MonarqError
from monarq.shared.redis.connection import RedisSource, UrlSource, redis_url
from monarq.shared.text.json_lines import json_line
from monarq.workers.config.settings import WorkerSettings

NOT_READABLE: Final = ("server", "rights")
"""What keeps a Redis' queues from being read if it has a problem."""


def examine(target: str | None, url: str | None, variables: Mapping[str, str], *, as_json: bool) -> int:
    """Prints the findings; returns the exit code, 1 if a worker could not run.

    Args:
        target: what the worker would run; None to check only the rest.
        url: the Redis that the command line names.
        variables: the environment variables that belong to no setting, each with what to do.
        as_json: print one JSON object.
    """
    with open_url(url) as found_url:
        findings = _findings(target, found_url, variables)
    is_well = all(finding.level != "problem" for finding in findings)
    if as_json:
        sys.stdout.write(json_line({"ok": is_well, "findings": findings}) + "\n")
    else:
        open_console(sys.stdout).print(render_findings(findings))
    return 0 if is_well else FAILED


def _findings(target: str | None, url: str | None, variables: Mapping[str, str]) -> list[Finding]:
    findings = list(check_installed())
    findings += [
        Finding("environment", name, "belongs to no setting", "warning", advice) for name, advice in variables.items()
    ]
    source: RedisSource | None = None
    settings = WorkerSettings()
    jobs: Collection[str] = ()
    if target is not None:
        loaded, jobs, of_target = check_target(target, url, {})
        findings += of_target
        if loaded is not None:
            source, settings = loaded.source, loaded.settings
    findings += check_machine(settings.concurrency)
    try:
        source = source or UrlSource(redis_url(url))
    except MonarqError as error:
        return [*findings, Finding(REDIS, "URL", "is not a Redis URL", "problem", str(error))]
    return findings + asyncio.run(_of_redis(source, target, jobs))


async def _of_redis(source: RedisSource, target: str | None, jobs: Collection[str]) -> list[Finding]:
    redis = source.client()
    try:
        findings = await check_redis(redis, source.shown)
        if any(finding.level == "problem" and finding.subject in NOT_READABLE for finding in findings):
            return findings
        return findings + await check_queues(redis, source.shown, target, jobs)
    finally:
        await redis.aclose()
