"""A program whose arq is instrumented by opentelemetry-instrumentation-arq: enqueues, works, and shows its spans.

Run as `python -m tests.arq.compatibility.instrumented_app <package of the client> <path of Redis' socket>`.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys

from opentelemetry import trace
from opentelemetry.instrumentation.arq import ArqInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from monarq.arq.worker import Worker
from monarq.producer import Producer
from monarq.shared.queue import Queue
from tests.arq import jobs


async def work(package: str, path: str) -> None:
    connections = importlib.import_module(f"{package}.connections")
    pool = await connections.create_pool(connections.RedisSettings(unix_socket_path=path))
    with trace.get_tracer("app").start_as_current_span("request"):
        await pool.enqueue_job("add", 1, 2)
        await pool.enqueue_job("fail", "why")
        async with Producer(f"unix://{path}", queue=Queue("arq:queue", format="arq")) as producer:
            await producer.enqueue("again", 2)
    worker = Worker([jobs.add, jobs.fail, jobs.again], redis_pool=pool, burst=True, handle_signals=False)
    await worker.main()
    assert (worker.jobs_complete, worker.jobs_failed, worker.jobs_retried) == (2, 1, 1)
    await pool.aclose(close_connection_pool=True)


if __name__ == "__main__":
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    ArqInstrumentor().instrument()
    asyncio.run(work(*sys.argv[1:]))
    spans = exporter.get_finished_spans()
    print(json.dumps([(span.name, span.kind.name, span.get_span_context().trace_id) for span in spans]))
