"""Queues as sources and targets of moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from monarq.shared.formats.arq.transfer.source import ArqMoveSource
from monarq.shared.formats.arq.transfer.target import ArqMoveTarget
from monarq.shared.formats.native.transfer.source import NativeMoveSource
from monarq.shared.formats.native.transfer.target import NativeMoveTarget
from monarq.shared.protocol.queue_ref import Format, QueueRef
from monarq.shared.protocol.transfer import MoveSource, MoveTarget

_SOURCES: Final[Mapping[Format, Callable[[str], MoveSource]]] = {"native": NativeMoveSource, "arq": ArqMoveSource}
_TARGETS: Final[Mapping[Format, Callable[[str], MoveTarget]]] = {"native": NativeMoveTarget, "arq": ArqMoveTarget}


def move_source(queue: QueueRef) -> MoveSource:
    """The queue as the source of a move."""
    return _SOURCES[queue.format](queue.name)


def move_target(queue: QueueRef) -> MoveTarget:
    """The queue as the target of a move."""
    return _TARGETS[queue.format](queue.name)
