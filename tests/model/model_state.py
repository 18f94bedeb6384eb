"""The model's state as the tables of the scripts say it, to be compared with what `RealQueue.state` reads."""

from __future__ import annotations

from collections.abc import Mapping

from tests.model.queue_model import QueueModel
from tests.model.terms import FRONT, PARKED, Expiring, shown
from tests.support.queue_state import PARKED as SHOWN_PARKED
from tests.support.queue_state import Exactly, QueueState, Times


def state_of(model: QueueModel) -> QueueState:
    """Everything of it."""
    return QueueState(
        queue=_shown(model.queue),
        cpu=_shown(model.cpu),
        payloads=_values(model.payloads),
        tokens=_values(model.tokens),
        tries={name: str(count) for name, count in model.tries.items()},
        results=_values(model.results),
        no_results=frozenset(model.no_results),
        given_up=frozenset(model.given_up),
        aborts=dict(model.aborts),
        crashes=dict(model.crashes),
        letters={name: letter for name, (letter, _) in model.letters.items()},
        dead=dict(model.dead),
        leases={worker: held for worker, (held, _) in model.held.items()},
        stats={name: str(count) for name, count in model.stats.items() if count},
    )


def _values(keys: Mapping[str, Expiring]) -> dict[str, str]:
    return {name: key.value for name, key in keys.items()}


def _shown(scores: Mapping[str, float]) -> Times:
    special = {FRONT: Exactly(1), PARKED: SHOWN_PARKED}
    return {name: special.get(score) or shown(score) for name, score in scores.items()}
