"""`monarq worker` on arq's settings: as many processes as arq's users count on, and ends as arq's command does."""

from __future__ import annotations

import pytest
from redis.asyncio import Redis

from monarq.shared.version import VERSION
from monarq.workers.system.cores import usable_cores
from tests.cli.command import heard, monarq, start, stop

MORE = " (-w auto runs one for each core)" if usable_cores() > 1 else ""


@pytest.mark.parametrize(
    ("options", "env", "told"),
    [
        ((), {}, f"1 worker{MORE}, serving"),
        ((), {"MONARQ_WORKER_WORKERS": "2"}, "2 workers, serving"),
        (("-w", "1"), {}, "1 worker, serving"),
    ],
)
async def test_one_process_runs_arqs_settings_by_default(
    redis: Redis, redis_url: str, options: tuple[str, ...], env: dict[str, str], told: str
) -> None:
    target = "tests.cli.worker.arq_settings.WorkerSettings"
    process = await start("worker", target, *options, "--redis", redis_url, url=redis_url, env=env)
    said = await heard(process, "Ctrl-C ends it")
    assert said.startswith(f"monarq {VERSION}: {target}\n"), "before the lines of the first worker"
    assert f"\nmonarq: {told} arq:greetings, " in said
    assert (await stop(process)).code == 0


@pytest.mark.parametrize(
    ("name", "options", "code", "told"),
    [
        ("Starts", (), 1, "ValueError: no database"),
        ("Starts", ("--burst", "-w", "2"), 1, "ValueError: no database"),
        ("Quits", (), 7, "SystemExit: 7"),
        ("Ends", (), 1, "ValueError: no database"),
    ],
)
async def test_a_hook_that_raises_ends_the_command_as_with_arq(
    redis: Redis, redis_url: str, name: str, options: tuple[str, ...], code: int, told: str
) -> None:
    ended = await monarq(
        "worker", f"tests.cli.worker.arq_settings.{name}", *options, "--redis", redis_url, url=redis_url
    )
    assert (ended.code, told in ended.err) == (code, True), ended.err
    if code == 1:
        assert 'tests/cli/worker/arq_settings.py", line' in ended.err
        assert 'raise ValueError("no database")' in ended.err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ("-q", "mail"),
            (
                "this worker does not serve the queue arq:greetings of its settings; to serve all: -q mail"
                " --arq-queue arq:greetings"
            ),
        ),
        (("-q", "mail", "--arq-queue", "arq:greetings"), ""),
        ((), ""),
    ],
)
async def test_the_settings_own_queue_is_not_left_without_a_word(
    redis: Redis, redis_url: str, options: tuple[str, ...], told: str
) -> None:
    target = "tests.cli.worker.arq_settings.WorkerSettings"
    ended = await monarq("worker", target, *options, "--burst", "-w", "2", url=redis_url)
    assert ended.code == 0
    assert ended.err.count("of its settings") == (1 if told else 0), "one worker of the pool says so"
    assert told in ended.err
