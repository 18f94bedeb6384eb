"""arq 0.28's public names over monarq: with ``s/from arq/from monarq.arq/`` an application runs on monarq.

arq's own classes and functions are kept wherever they are suitable; the client and the worker are monarq's. It needs
the extra `arq`.
"""

from __future__ import annotations

from importlib.util import find_spec as _find_spec

from monarq.shared.extras import install_command as _install_command

if _find_spec("arq") is None:
    raise ModuleNotFoundError(f"monarq.arq needs the package arq: {_install_command('arq')}", name="arq")

# As in arq, so that `arq.jobs.Job` is found after importing only the package.
from monarq.arq import connections, constants, jobs, logs, typing, utils, version, worker  # noqa: F401
from monarq.arq.connections import ArqRedis, create_pool
from monarq.arq.cron import cron
from monarq.arq.version import VERSION
from monarq.arq.worker import Retry, Worker, check_health, func, run_worker

__version__ = VERSION

__all__ = (
    "VERSION",
    "ArqRedis",
    "Retry",
    "Worker",
    "check_health",
    "create_pool",
    "cron",
    "func",
    "run_worker",
)
