"""The rules of workers with settings written for arq; this needs arq, unlike `tests.support.workers`."""

from __future__ import annotations

from typing import Any, Final

from arq.worker import JobExecutionFailed

from monarq.arq.runs.policies import ArqOutcomes, ArqRejections
from monarq.shared.payloads.codec import Codecs

ARQ_CODECS: Final = Codecs(allow_pickle=True, text_error=JobExecutionFailed)

ARQ_RULES: Final[dict[str, Any]] = {
    "outcomes": ArqOutcomes(),
    "rejections": ArqRejections(),
    "any_queue_name": True,
    "one_process": True,
}
