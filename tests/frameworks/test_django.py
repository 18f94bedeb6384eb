"""`monarq.django`: its tests in Django's own test cases, and the example project beside real workers.

Django's settings hold for a whole process, so each is a process of its own.
"""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import ROOT, environment
from tests.support.slowness import in_time

SHOP = ROOT / "examples/django_shop"

ORDER = """
import json, django
django.setup()
from django.test import Client
made = Client().post("/orders/", {"customer": "a@example.com", "total": "12"}).json()
from orders.tasks import send_receipt
print(json.dumps(made | {"receipt": send_receipt.enqueue(made["order"]).id, "lost": send_receipt.enqueue(-1).id}))
"""

LOOK = """
import json, sys, django
django.setup()
from django.test import Client
from orders.models import Order
from orders.tasks import send_receipt
from monarq.django import producer
made = json.loads(sys.argv[1])
sent, lost = send_receipt.get_result(made["receipt"]), send_receipt.get_result(made["lost"])
print(json.dumps({
    "counted": Client().get(f"/receipts/{made['counting']}/").json(),
    "total": producer().handle(made["adding"]).result(),
    "receipt": Order.objects.get(id=made["order"]).receipt,
    "sent": [sent.status, sent.return_value, sent.args, sent.attempts, len(set(sent.worker_ids))],
    "lost": [lost.status, lost.args, lost.errors[0].exception_class_path],
    "unknown": Client().get("/receipts/default:x/").status_code,
}))
"""


async def python(url: str, folder: Path, *arguments: str, **variables: str) -> tuple[int, str]:
    """Runs Python in a folder; its exit code and all that it wrote."""
    env = environment(url, {"PYTHONPATH": str(ROOT), **variables})
    if not url:
        del env["REDIS_URL"]
    async with in_time(60):
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=folder, env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
        )
        written, _ = await process.communicate()
    return process.returncode or 0, written.decode()


async def test_the_adapter_in_djangos_test_cases() -> None:
    code, written = await python(
        "",
        ROOT,
        *("-m", "django", "test", "tests.frameworks.django_site.odd"),
        *("--settings", "tests.frameworks.django_site.settings"),
    )
    assert code == 0, written
    assert "Ran 39 tests" in written


async def test_the_system_check_finds_what_is_wrong_although_nothing_has_imported_tasks() -> None:
    site = "tests.frameworks.django_site.wrong"
    code, written = await python("", ROOT, "-m", "django", "check", "--settings", site)
    assert code == 1
    assert "TASKS['mistaken']: there is no option 'jobs'" in written


@pytest.fixture
async def shop(redis_url: str, tmp_path: Path) -> Any:
    """Runs `manage.py`, or a program, of the example project, with a database of its own."""

    async def run(*arguments: str, **variables: str) -> str:
        of_shop = {"SHOP_DB": str(tmp_path / "shop.sqlite3"), "DJANGO_SETTINGS_MODULE": "shop.settings"}
        code, written = await python(redis_url, SHOP, *arguments, **of_shop, **variables)
        assert code == 0, written
        return written

    await run("manage.py", "migrate", "--run-syncdb", "-v", "0")
    return run


async def test_the_example_project_tests_itself(shop: Any) -> None:
    # Whose Redis they must not reach: nothing listens there.
    assert "Ran 2 tests" in await shop("manage.py", "test", REDIS_URL="redis://localhost:1")


async def test_the_command_runs_the_tasks_of_the_project(shop: Any) -> None:
    made = json.loads((await shop("-c", ORDER)).splitlines()[-1])
    log = await shop("manage.py", "monarq_worker", "-w", "1", "--burst")
    assert "serving default, mail" in log, "the QUEUES of the project's backends"
    sent = made["receipt"]
    assert log.count(f"Task id={sent} path=orders.tasks.send_receipt state=RUNNING") == 1, log
    assert log.count("Traceback (most recent call last)") == log.count("failed for good after") == 1, log
    found = json.loads((await shop("-c", LOOK, json.dumps(made))).splitlines()[-1])
    assert found == {
        "counted": {"status": "SUCCESSFUL", "orders": 1},
        "total": 12,
        "receipt": "a@example.com pays 12",
        "sent": ["SUCCESSFUL", "a@example.com pays 12", [made["order"]], 1, 1],
        "lost": ["FAILED", [-1], "orders.models.Order.DoesNotExist"],
        "unknown": 404,
    }


async def test_the_command_passes_options_on_to_the_worker(shop: Any) -> None:
    log = await shop("manage.py", "monarq_worker", "--burst", "-q", "mail", "-w", "1", "--backend", "default")
    assert "serving mail, " in log or "serving mail;" in log
    assert "-w 2 -c 50" in await shop("manage.py", "monarq_worker", "--help")


SETTINGS = """
import os
from shop.settings import *
TASKS = {
    "default": {
        "BACKEND": "monarq.django.MonarqBackend",
        "QUEUES": ["default", "mail"],
        "OPTIONS": {"redis": os.environ["TASKS_REDIS"]},
    },
    **({"bare": {"BACKEND": "monarq.django.MonarqBackend", "QUEUES": ["bare"]}} if "BARE" in os.environ else {}),
}
"""


async def test_the_plain_command_runs_them_with_the_redis_and_the_queues_of_tasks(
    shop: Any, redis_url: str, tmp_path: Path
) -> None:
    (tmp_path / "settings_with_redis.py").write_text(SETTINGS)
    variables = {
        "DJANGO_SETTINGS_MODULE": "settings_with_redis",
        "SHOP_DB": str(tmp_path / "shop.sqlite3"),
        "TASKS_REDIS": redis_url,
        "PYTHONPATH": f"{ROOT}:{tmp_path}",
    }
    nowhere = "redis://localhost:1"
    plain = ("-m", "monarq", "worker", "monarq.django.worker", "--burst", "-w", "1", "--redis-wait", "0s")
    code, written = await python(nowhere, SHOP, "-c", ORDER, **variables)
    assert code == 0, written
    sent = json.loads(written.splitlines()[-1])["receipt"]
    code, log = await python(nowhere, SHOP, *plain, **variables)
    assert code == 0, log
    assert f"serving default, mail, Redis at {redis_url}" in log
    assert log.count(f"Task id={sent} path=orders.tasks.send_receipt state=RUNNING") == 1, log
    _, log = await python(nowhere, SHOP, *plain, "-q", "mail", **variables)
    assert f"serving mail, Redis at {redis_url}" in log

    variables["BARE"] = "1"
    code, log = await python(nowhere, SHOP, *plain, **variables)
    assert code == 2
    assert "the backends bare, default of TASKS name different Redis servers" in log
    assert "manage.py monarq_worker --backend ALIAS" in log
    code, log = await python(
        redis_url, SHOP, "manage.py", "monarq_worker", "--burst", "-w", "1", "--backend", "bare", **variables
    )
    assert code == 0, log
    assert f"serving bare, Redis at {redis_url}" in log


async def test_a_cpu_job_may_be_in_a_module_that_imports_models(redis_url: str) -> None:
    program = """
import sys, django
django.setup()
from monarq.django import producer
from tests.frameworks.django_site.odd.jobs import weigh
if sys.argv[1:]:
    print(producer().handle("weighs", queue="cores").result())
else:
    producer().enqueue(weigh.options(job_id="weighs"), 12)
"""
    # Without a cpu task, whose module is the worker's and sets Django up.
    site = {"DJANGO_SETTINGS_MODULE": "tests.frameworks.django_site.threads"}
    written = [
        await python(redis_url, ROOT, *arguments, **site)
        for arguments in (
            ("-c", program),
            ("-m", "django", "monarq_worker", "-w", "1", "--burst"),
            ("-c", program, "look"),
        )
    ]
    assert [code for code, _ in written] == [0, 0, 0], written
    assert written[2][1].splitlines()[-1] == "12"


async def test_cpu_tasks_run_in_a_child_process_of_a_worker(redis_url: str) -> None:
    program = """
import json, os, sys, django
django.setup()
from tests.frameworks.django_site.odd.tasks import process_id
if sys.argv[1:]:
    result = process_id.get_result(sys.argv[1])
    print(json.dumps([result.status, len(result.return_value or ()), [error.traceback for error in result.errors]]))
else:
    print(process_id.enqueue().id)
"""
    site = {"DJANGO_SETTINGS_MODULE": "tests.frameworks.django_site.settings"}
    code, written = await python(redis_url, ROOT, "-c", program, **site)
    assert code == 0, written
    result_id = written.splitlines()[-1]
    code, written = await python(redis_url, ROOT, "-m", "django", "monarq_worker", "-w", "1", "--burst", **site)
    assert code == 0, written
    code, written = await python(redis_url, ROOT, "-c", program, result_id, **site)
    assert json.loads(written.splitlines()[-1]) == ["SUCCESSFUL", 2, []], written


@pytest.mark.parametrize(("site", "django_writes"), [("settings", True), ("silent", False)])
async def test_the_traceback_of_a_failed_task_is_logged_once(redis_url: str, site: str, django_writes: bool) -> None:
    program = """
import django
django.setup()
from tests.frameworks.django_site.odd.tasks import fails, fails_async, fails_in_a_process
fails.enqueue("in a thread")
fails_async.enqueue()
fails_in_a_process.enqueue("in a process")
"""
    settings = {"DJANGO_SETTINGS_MODULE": f"tests.frameworks.django_site.{site}"}
    code, written = await python(redis_url, ROOT, "-c", program, **settings)
    assert code == 0, written
    code, log = await python(redis_url, ROOT, "-m", "django", "monarq_worker", "-w", "1", "--burst", **settings)
    assert code == 0, log
    assert log.count("state=FAILED") == (3 if django_writes else 0), log
    assert log.count("failed for good after") == 3, log
    for line in ("LookupError: in a thread\n", "SystemExit: 3\n", "LookupError: in a process\n"):
        assert log.count(f"\n{line}") == 1, f"the end of the traceback with {line} in {log}"
