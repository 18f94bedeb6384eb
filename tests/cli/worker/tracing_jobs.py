"""A program that sets its traces up where its jobs are: so the cpu child has them too."""

from __future__ import annotations

import logging
import os
from pathlib import Path

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

from monarq import job

out = Path(os.environ["TRACES_FILE"]).open("a")  # noqa: SIM115 - open as long as the process lives
exporter = ConsoleSpanExporter(out=out, formatter=lambda span: span.to_json(indent=None) + "\n")
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("the user's")


@job
async def traced_on_a_worker() -> None:
    with tracer.start_as_current_span("own io"):
        logging.getLogger(__name__).info("inside the span")


@job
def traced_in_a_child() -> None:
    with tracer.start_as_current_span("own cpu"):
        pass
