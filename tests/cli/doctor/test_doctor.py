"""`monarq doctor`: what it finds of real servers, users, targets and limits."""

from __future__ import annotations

import json
import resource
import sys
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from redis.asyncio import Redis

from monarq.cli.doctor import install_checks
from monarq.cli.doctor.install_checks import CORE, EXTRAS, check_installed
from monarq.cli.doctor.machine_checks import check_machine
from monarq.shared.extras import install_command
from monarq.shared.settings.project import _project_at
from tests.cli.command import ROOT, Cli, monarq
from tests.cli.conftest import NOWHERE

RIGHTS = ("+@read", "+@write", "+@connection", "+@pubsub", "+@scripting", "+@transaction", "-@dangerous", "+info")
OF_DEVELOPERS = ("browser", "dev", "docs", "release")


def by_subject(out: str) -> dict[str, dict[str, Any]]:
    findings: list[dict[str, Any]] = json.loads(out)["findings"]
    return {finding["subject"]: finding for finding in findings}


@pytest.fixture
async def configured(redis: Redis) -> AsyncIterator[Redis]:
    """The server, whose settings are put back after the test."""
    names = ("maxmemory", "maxmemory-policy", "appendonly")
    before = {name: (await redis.config_get(name))[name] for name in names}
    yield redis
    for name, value in before.items():
        await redis.config_set(name, value)


@pytest.fixture
async def user_url(redis: Redis, redis_url: str) -> AsyncIterator[str]:
    """The URL of a user who may run scripts, but has no right to monarq's keys."""
    rights = ("~mine:*", "&monarq:*", *RIGHTS)
    await redis.execute_command("ACL", "SETUSER", "narrow", "on", ">PASSWORD", "resetkeys", "nocommands", *rights)
    yield f"unix://narrow:PASSWORD@{urlsplit(redis_url).path}"
    await redis.execute_command("ACL", "DELUSER", "narrow")


async def test_a_server_that_can_lose_nothing_is_well(cli_here: Cli, configured: Redis) -> None:
    await configured.config_set("appendonly", "yes")
    ended = await cli_here("doctor")
    assert ended.code == 0
    assert ended.out.splitlines()[-1] == "No problems found: a worker can run here."
    assert (await configured.keys("*")) == []


async def test_a_server_that_can_lose_jobs_is_a_warning_with_what_to_set(cli_here: Cli, configured: Redis) -> None:
    await configured.config_set("maxmemory-policy", "allkeys-lru")
    await configured.config_set("appendonly", "no")
    ended = await cli_here("doctor", "--json")
    assert ended.code == 0
    found = by_subject(ended.out)
    assert found["eviction policy"]["level"] == "warning"
    assert "set maxmemory-policy noeviction" in found["eviction policy"]["advice"]
    assert "set appendonly yes" in found["persistence"]["advice"]


async def test_a_full_server_is_a_warning(cli_here: Cli, configured: Redis) -> None:
    used = (await configured.info("memory"))["used_memory"]
    await configured.config_set("maxmemory", int(used * 1.1))
    found = by_subject((await cli_here("doctor", "--json")).out)
    assert found["memory"]["level"] == "warning"
    assert "give Redis more memory" in found["memory"]["advice"]


async def test_a_replica_is_a_problem(cli_here: Cli, redis: Redis) -> None:
    await redis.replicaof("127.0.0.1", "1")  # type: ignore[no-untyped-call]
    try:
        ended = await cli_here("doctor", "--json")
    finally:
        await redis.replicaof("NO", "ONE")  # type: ignore[no-untyped-call]
    assert ended.code == 1
    assert json.loads(ended.out)["ok"] is False
    assert "point the URL at the primary" in by_subject(ended.out)["role"]["advice"]


async def test_a_user_without_rights_to_the_keys_is_a_problem(user_url: str) -> None:
    ended = await monarq("doctor", "--redis", user_url, "--json", url=NOWHERE)
    assert ended.code == 1
    found = by_subject(ended.out)["rights"]
    assert found["level"] == "problem"
    assert "A user of Redis" in found["advice"]
    assert "PASSWORD" not in ended.out + ended.err


async def test_a_server_that_is_not_there_is_a_problem_beside_all_else(cli_here: Cli) -> None:
    ended = await monarq("doctor", url=NOWHERE)
    assert ended.code == 1
    assert "cores" in ended.out
    assert "PROBLEM  server" in ended.out
    assert "start it (`monarq redis` runs one for development), or correct REDIS_URL" in ended.out
    assert ended.err == ""


async def test_a_target_is_imported_as_a_worker_does(cli_here: Cli) -> None:
    found = by_subject((await cli_here("doctor", "examples.jobs", "--json")).out)
    assert "count_primes" in found["jobs"]["found"]
    assert found["queues"]["found"] == "default"


async def test_jobs_of_queues_that_the_worker_does_not_serve_are_a_warning(cli_here: Cli) -> None:
    ended = await cli_here("doctor", "tests.cli.mail_jobs", "--json")
    found = by_subject(ended.out)["unserved queues"]
    assert (ended.code, found["level"]) == (0, "warning")
    assert found["found"].endswith("of some of its jobs: mail (greet_by_mail, report)")
    assert found["advice"] == "to serve all: -q default -q mail"
    assert "unserved queues" not in by_subject((await cli_here("doctor", "examples.jobs", "--json")).out)


async def test_without_a_target_it_looks_at_that_of_the_worker(
    cli_here: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "jobs" not in by_subject((await cli_here("doctor", "--json")).out)
    (tmp_path / "pyproject.toml").write_text('[tool.monarq.worker]\ntarget = "examples.jobs"\n')
    _project_at.cache_clear()
    found = by_subject((await cli_here("doctor", "--json")).out)
    assert "count_primes" in found["jobs"]["found"]
    monkeypatch.setenv("MONARQ_WORKER_TARGET", "monarq_nowhere")
    assert "there is no module" in by_subject((await cli_here("doctor", "--json")).out)["monarq_nowhere"]["advice"]


async def test_variables_of_no_setting_are_a_warning_with_the_nearest_name(
    cli_here: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MONARQ_WORKER_CONCURENCY", "5")
    monkeypatch.setenv("MONARQ_WEB_PROT", "8000")
    monkeypatch.setenv("MONARQ_WORKER_CONCURRENCY", "5")
    monkeypatch.setenv("MONARQ_WEB_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("MONARQ_WEB_PORT_8080_TCP", "tcp://10.0.0.1:8080")
    monkeypatch.setenv("MONARQ_REDIS_TIMEOUT", "5s")
    monkeypatch.setenv("MONARQ_OF_THE_PROGRAM", "5s")
    ended = await cli_here("doctor", "--json")
    assert ended.code == 0
    found = {each["subject"]: each for each in json.loads(ended.out)["findings"] if each["section"] == "environment"}
    assert {name: each["advice"] for name, each in found.items()} == {
        "MONARQ_WORKER_CONCURENCY": "did you mean MONARQ_WORKER_CONCURRENCY?",
        "MONARQ_WEB_PROT": "did you mean MONARQ_WEB_PORT?",
    }


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        ("import monarq_none", "it needs 'monarq_none', which is not installed"),
        ("1 / 0", "ZeroDivisionError: division by zero (in "),
        ("x = 1", "contains no jobs"),
    ],
)
async def test_a_target_that_cannot_be_served_is_a_problem(
    cli_here: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, advice: str
) -> None:
    name = f"ill_{abs(hash(text))}"
    (tmp_path / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    ended = await cli_here("doctor", name, "--json")
    assert ended.code == 1
    found = by_subject(ended.out)
    assert advice in found[name]["advice"]
    assert found["server"]["level"] == "ok"


async def test_what_is_no_url_is_a_problem(cli_here: Cli) -> None:
    ended = await monarq("doctor", "--redis", "http://localhost", "--json", url=NOWHERE)
    assert ended.code == 1
    assert "redis://" in by_subject(ended.out)["URL"]["advice"]


def test_few_open_files_are_a_warning() -> None:
    most, hardest = resource.getrlimit(resource.RLIMIT_NOFILE)
    found = {finding.subject: finding for finding in check_machine(most + 1)}
    assert found["open files"].level == "warning"
    assert "LimitNOFILE=" in found["open files"].advice
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hardest))


def test_all_extras_of_users_are_known() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert {name for name in extras if not name.startswith(OF_DEVELOPERS)} <= EXTRAS.keys()


def test_the_packages_that_matter_are_named() -> None:
    found = {finding.subject: finding for finding in check_installed()}
    assert all(name in found["packages"].found for name in CORE)
    assert found["extra web"].found == "installed"


def test_what_another_python_needs_is_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_checks, "requires", lambda name: DJANGO)
    monkeypatch.setattr(install_checks, "_is_installed", lambda name: name == "of-this-python")
    found = {finding.subject: finding for finding in check_installed()}
    assert found["extra django"].found == "installed"


DJANGO = [
    f"{name}>=6.0; python_version {sign} '{sys.version_info[0]}.{sys.version_info[1] + 1}' and extra == 'django'"
    for name, sign in (("of-this-python", "<"), ("of-a-newer-python", ">="))
]


def test_what_extras_are_missing_is_said_and_once_how_to_install_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install_checks, "_is_installed", lambda name: name not in ("flask", "watchfiles"))
    found = {finding.subject: finding for finding in check_installed()}
    assert found["extra flask"].found == "not installed; for producers in Flask"
    assert found["extra watch"].found == "not installed; for workers that restart when a file changes"
    assert found["more extras"].found == f"to install one: {install_command('flask')}"
    assert all(finding.level == "ok" for finding in found.values())
