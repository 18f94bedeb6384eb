"""`/livez` and `/readyz`: a pool's health over HTTP, 200 or 503 with a JSON body that says why.

Imported only where a health port is asked for, as it needs Starlette.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from monarq.workers.supervisor.health import PoolHealth, Verdict
from monarq.workers.supervisor.pool_state import WorkerState


def health_routes(health: PoolHealth) -> list[Route]:
    """The routes, for a Starlette application on the supervisor's event loop."""

    async def answer(request: Request) -> Response:
        verdict = health.live() if request.url.path.endswith("/livez") else await health.ready()
        return JSONResponse(
            body_of(verdict), status_code=200 if verdict.ok else 503, headers={"Cache-Control": "no-store"}
        )

    return [Route("/livez", answer, methods=["GET"]), Route("/readyz", answer, methods=["GET"])]


def body_of(verdict: Verdict) -> dict[str, Any]:
    """An answer as JSON; nothing in it is secret."""
    body: dict[str, Any] = {
        "status": "ok" if verdict.ok else "failing",
        "problems": verdict.problems,
        "draining": verdict.pool.draining,
        "loop_lag_s": round(verdict.loop_lag_s, 3),
        "workers": [_told(worker) for worker in verdict.pool.workers],
    }
    if verdict.redis is not None:
        body["queues"] = [
            {"queue": queue, "waiting_io_s": waiting.io_s, "waiting_cpu_s": waiting.cpu_s}
            for queue, waiting in verdict.redis.queues.items()
        ]
    return body


def _told(worker: WorkerState) -> dict[str, Any]:
    return {
        "index": worker.index,
        "pid": worker.pid,
        "id": worker.ready.worker_id if worker.ready else None,
        "phase": worker.phase,
        "running": worker.pulse.running,
        "loop_lag_s": worker.pulse.lag_s,
        "silent_s": worker.silent_s,
        "restarts": worker.restarts,
    }
