"""OpenTelemetry in real worker processes, set up as a program does it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from opentelemetry import trace

from monarq.producer import Producer, named
from tests.cli.command import monarq
from tests.support.spans import Exported


async def test_spans_of_both_lanes_hang_together(
    redis_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported = Exported()
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", exported.provider)
    async with Producer(redis_url) as producer:
        await producer.enqueue("traced_on_a_worker")
        await producer.enqueue(named("traced_in_a_child", lane="cpu"))
    file = tmp_path / "spans"
    worker = ("worker", "tests.cli.worker.tracing_jobs", "-w", "1", "--burst", "--log-format", "json")
    ended = await monarq(*worker, url=redis_url, env={"TRACES_FILE": str(file)})
    assert ended.code == 0, ended.err
    spans = [json.loads(line) for line in file.read_text().splitlines()]
    runs = {span["attributes"]["monarq.job.name"]: span for span in spans if span["kind"] == "SpanKind.CONSUMER"}
    lines = [json.loads(line) for line in ended.err.splitlines() if line.startswith("{")]
    [line] = [line for line in lines if line["message"] == "inside the span"]
    [own_io] = [span for span in spans if span["name"] == "own io"]
    assert (f"0x{line['trace_id']}", f"0x{line['span_id']}") == (
        own_io["context"]["trace_id"],
        own_io["context"]["span_id"],
    )
    for job, own_name, sent in zip(
        ("traced_on_a_worker", "traced_in_a_child"), ("own io", "own cpu"), exported.sent, strict=True
    ):
        [own] = [span for span in spans if span["name"] == own_name]
        assert own["parent_id"] == runs[job]["context"]["span_id"]
        assert own["context"]["trace_id"] == runs[job]["context"]["trace_id"]
        [link] = runs[job]["links"]
        assert link["context"]["span_id"] == f"0x{sent.context.span_id:016x}"
