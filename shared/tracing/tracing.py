"""Traces by OpenTelemetry, where a program has set them up; where it has not, this costs a look and imports nothing.

Producers ask for `sending`, workers for `find_tracing`. A program has traces once it has imported OpenTelemetry's API
and set a tracer provider, by its own code or by `opentelemetry-instrument`; that may be at any time.
"""

from __future__ import annotations

import os
import sys
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from monarq.shared.tracing.otel import Tracing

Carrier = dict[str, str]
"""A span's context on its way to another process, as W3C's `traceparent` and its like."""

_IS_CHOSEN_BY_ENVIRONMENT: Final = "OTEL_PYTHON_TRACER_PROVIDER" in os.environ

CARRIER: Final = "_carrier"
"""The argument in which opentelemetry-instrumentation-arq lets a context travel, and takes it away again."""

_MAKES_SPANS: Final = os.environ.get("MONARQ_TRACES", "").lower() not in ("0", "off", "no", "false")
"""Whether monarq makes spans of its own; the program's context travels in any case."""

_UNTRACED: Final[AbstractContextManager[Carrier | None]] = nullcontext()


def find_tracing() -> Tracing | None:
    """What makes spans; None in a program without a tracer provider."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None:  # who has not imported it has set no provider
        return None
    # The API's own answer looks into the environment each time, for 2 us. Without this attribute that is the way.
    if getattr(api, "_TRACER_PROVIDER", api) is None and not _IS_CHOSEN_BY_ENVIRONMENT:
        return None
    provider = api.get_tracer_provider()
    if isinstance(provider, (api.ProxyTracerProvider, api.NoOpTracerProvider)):
        return None
    from monarq.shared.tracing.otel import tracing_of

    return tracing_of(provider)


def find_maker() -> Tracing | None:
    """What makes monarq's own spans; None as well where MONARQ_TRACES turns them off."""
    return find_tracing() if _MAKES_SPANS else None


def arq_is_instrumented() -> bool:
    """Whether opentelemetry-instrumentation-arq makes spans of the runs of arq's functions."""
    instrumentor = getattr(sys.modules.get("opentelemetry.instrumentation.arq"), "ArqInstrumentor", None)
    return instrumentor is not None and instrumentor().is_instrumented_by_opentelemetry


def instrumented_carrier() -> Carrier | None:
    """The current context for that instrumentation, to travel as the argument `CARRIER`; None where there is none."""
    return carry_context() if arq_is_instrumented() else None


def sending(
    queue: str, job_name: str, *, job_id: str | None = None, count: int | None = None
) -> AbstractContextManager[Carrier | None]:
    """A span around an enqueue; gives what the payloads are to carry, None without tracing.

    Args:
        queue: the queue's name.
        job_name: the job's name.
        job_id: the job's id, where it is one job.
        count: how many jobs, where they are many.
    """
    tracing = find_maker()
    return _UNTRACED if tracing is None else tracing.sending(queue, job_name, job_id=job_id, count=count)


def carry_context() -> Carrier | None:
    """The current span's context, for a cpu child; None without tracing."""
    tracing = find_tracing()
    return None if tracing is None else tracing.carry()


def span_ids() -> tuple[str, str]:
    """The ids of the current trace and span, in hex as logs have them; both empty without one."""
    tracing = find_tracing()
    return ("", "") if tracing is None else tracing.ids()


def carried(carrier: Carrier | None) -> AbstractContextManager[object]:
    """Makes the context that came from another process the current one."""
    tracing = None if carrier is None else find_tracing()
    return _UNTRACED if tracing is None else tracing.carried(carrier)
