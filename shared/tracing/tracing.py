"""Optional OpenTelemetry tracing. In a program without it, each call is one cheap check and imports nothing.

Producers use `sending`, workers `find_own_tracing`. A program has traces once it has imported OpenTelemetry's API and
set a tracer provider, in its own code or by `opentelemetry-instrument`. This may happen at any time.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Final

from monarq.shared.text.error_text import qualified_name
from monarq.shared.tracing.carrier import Carrier
from monarq.shared.tracing.metrics import find_metrics

if TYPE_CHECKING:
    from monarq.shared.tracing.otel import Tracing
    from monarq.shared.tracing.otel_metrics import MessagingMetrics

_IS_CHOSEN_BY_ENVIRONMENT: Final = "OTEL_PYTHON_TRACER_PROVIDER" in os.environ

_MAKES_SPANS: Final = os.environ.get("MONARQ_TRACES", "").lower() not in ("0", "off", "no", "false")
"""Whether monarq makes its own spans; the program's context is propagated in any case."""

_UNTRACED: Final[AbstractContextManager[Carrier | None]] = nullcontext()


def find_tracing() -> Tracing | None:
    """The tracing of the program's tracer provider; None in a program without one."""
    api = sys.modules.get("opentelemetry.trace")
    if api is None:  # not imported, so no provider is set
        return None
    # `get_tracer_provider` reads the environment each time, which takes 2 us; it is used if this attribute is absent.
    if getattr(api, "_TRACER_PROVIDER", api) is None and not _IS_CHOSEN_BY_ENVIRONMENT:
        return None
    provider = api.get_tracer_provider()
    if isinstance(provider, (api.ProxyTracerProvider, api.NoOpTracerProvider)):
        return None
    from monarq.shared.tracing.otel import tracing_for

    return tracing_for(provider)


def find_own_tracing() -> Tracing | None:
    """The same for monarq's own spans; also None if MONARQ_TRACES turns them off."""
    return find_tracing() if _MAKES_SPANS else None


def sending(
    queue: str, job_name: str, *, job_id: str | None = None, count: int | None = None
) -> AbstractContextManager[Carrier | None]:
    """A span around an enqueue, which is also counted; yields the carrier for the payloads, None without tracing.

    Args:
        queue: the queue's name.
        job_name: the job's name.
        job_id: the job's id, if it is one job.
        count: how many jobs, if there are several.
    """
    tracing, metrics = find_own_tracing(), find_metrics()
    span = _UNTRACED if tracing is None else tracing.sending(queue, job_name, job_id=job_id, count=count)
    return span if metrics is None else _counted(span, metrics, queue, job_name, 1 if count is None else count)


@contextmanager
def _counted(
    span: AbstractContextManager[Carrier | None], metrics: MessagingMetrics, queue: str, job_name: str, count: int
) -> Iterator[Carrier | None]:
    try:
        with span as carrier:
            yield carrier
    except Exception as error:
        metrics.sent(queue, job_name, count, qualified_name(type(error)))
        raise
    metrics.sent(queue, job_name, count)


def inject_context() -> Carrier | None:
    """The current span's context, for a cpu child; None without tracing."""
    tracing = find_tracing()
    return None if tracing is None else tracing.inject()


def span_ids() -> tuple[str, str]:
    """The ids of the current trace and span, in hex as in logs; both empty without one."""
    tracing = find_tracing()
    return ("", "") if tracing is None else tracing.ids()


def attach_context(carrier: Carrier | None) -> AbstractContextManager[object]:
    """Makes the context that came from another process the current one."""
    tracing = None if carrier is None else find_tracing()
    return _UNTRACED if tracing is None else tracing.attach(carrier)
