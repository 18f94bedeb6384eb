"""The queue of a scenario in either format; the driver accesses it without faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from chaos.queues.arq import ArqView
from chaos.queues.native import NAME, NativeView
from chaos.queues.view import QueueView
from monarq.shared.protocol.queue_ref import Format

VIEWS: Final[Mapping[Format, QueueView]] = {"native": NativeView({NAME: 1}), "arq": ArqView()}
