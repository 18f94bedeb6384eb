"""The examples of logs, events and traces in docs/guides/logs-and-traces.md, run as they stand there."""

from __future__ import annotations

import json
import re
from pathlib import Path

from redis.asyncio import Redis

from monarq.producer import Producer
from monarq.workers.events.listener import PUBLIC_EVENTS
from tests.cli.command import ROOT, Ended, monarq

DOCS = (ROOT / "docs" / "guides" / "logs-and-traces.md").read_text()


def examples(section: str) -> list[str]:
    """The Python blocks of a section."""
    [text] = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", DOCS, re.MULTILINE | re.DOTALL)
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


async def run_app(app: str, url: str, folder: Path, *options: str) -> Ended:
    """Runs a worker of a module with this text until the queue is empty."""
    (folder / "documented_app.py").write_text(app)
    command = ("worker", "documented_app", "-w", "1", "--burst", *options)
    return await monarq(*command, url=url, env={"PYTHONPATH": f"{folder}:{ROOT}"})


async def test_logs(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    app = "\n".join(examples("Logs"))
    for options in ((), ("--log-format", "json"), ("--custom-log-dict", "documented_app.LOGGING")):
        async with Producer(redis_url) as producer:
            handle = await producer.enqueue("greet", "Ann")
        ended = await run_app(app, redis_url, tmp_path, *options)
        assert ended.code == 0, ended.err
        [line] = [line for line in ended.err.splitlines() if "hello Ann" in line]
        if not options:
            assert line[9:] == f"INFO    [{handle.job_id}:greet] hello Ann"
        elif options[0] == "--log-format":
            [shown] = [json.loads(text) for text in DOCS.splitlines() if text.startswith('{"time"')]
            assert list(json.loads(line)) == list(shown)
        else:
            assert line.endswith(f"INFO documented_app {handle.job_id} hello Ann")


async def test_events(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    async with Producer(redis_url) as producer:
        handle = await producer.enqueue("divide", 1, 0)
    ended = await run_app(examples("Events")[0], redis_url, tmp_path)
    assert f"divide {handle.job_id} on default, try 1, 0.0 s: ZeroDivisionError('division by zero')" in ended.out


async def test_traces(redis: Redis, redis_url: str, tmp_path: Path) -> None:
    async with Producer(redis_url) as producer:
        await producer.enqueue("fetch", "https://example.com")
    ended = await run_app(examples("Traces")[0], redis_url, tmp_path)
    assert ended.code == 0, ended.err
    assert set(re.findall(r'"name": "(.*?)"', ended.out)) == {"process default", "parse"}


def test_all_events_are_named() -> None:
    assert [event for event in PUBLIC_EVENTS if f"`{event}`" not in DOCS] == []
