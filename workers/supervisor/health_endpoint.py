"""The health endpoint: `/livez` and `/readyz`, which answer 200 or 503 with a JSON body that says why.

Imported only if a health port is configured, since it needs Starlette.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monarq.workers.supervisor.health import HealthReport, PoolHealth
from monarq.workers.supervisor.pool_state import WorkerState


def health_routes(health: PoolHealth) -> list[Route]:
    """The routes, for a Starlette application on the supervisor's event loop."""

    async def answer(request: Request) -> Response:
        report = health.live() if request.url.path.endswith("/livez") else await health.ready()
        return JSONResponse(
            body_of(report), status_code=200 if report.ok else 503, headers={"Cache-Control": "no-store"}
        )

    return [Route("/livez", answer, methods=["GET"]), Route("/readyz", answer, methods=["GET"])]


def body_of(report: HealthReport) -> dict[str, Any]:
    """A report as JSON; nothing in it is secret."""
    body: dict[str, Any] = {
        "status": "ok" if report.ok else "failing",
        "problems": report.problems,
        "draining": report.pool.draining,
        "loop_lag_s": round(report.loop_lag_s, 3),
        "workers": [_worker_body(worker) for worker in report.pool.workers],
    }
    if report.redis is not None:
        body["queues"] = [
            {"queue": queue.name, "format": queue.format, "waiting_io_s": waiting.io_s, "waiting_cpu_s": waiting.cpu_s}
            for queue, waiting in report.redis.queues.items()
        ]
    return body


def _worker_body(worker: WorkerState) -> dict[str, Any]:
    return {
        "index": worker.index,
        "pid": worker.pid,
        "worker_id": worker.ready.worker_id if worker.ready else None,
        "phase": worker.phase,
        "running": worker.heartbeat.running,
        "loop_lag_s": worker.heartbeat.lag_s,
        "silent_s": worker.silent_s,
        "restarts": worker.restarts,
    }
