"""arq's settings as a module's own names, which arq takes as well."""

from __future__ import annotations

from tests.arq import jobs

functions = [jobs.add, jobs.fail]
max_jobs = 3
