"""A reference to one shard of a queue. Outside this format it acts as a reference to the queue."""

from __future__ import annotations

from typing import Self

from monarq.shared.formats.native.shards import name_of
from monarq.shared.protocol.queue_ref import QueueRef


class ShardRef(QueueRef):
    """A queue, as the origin of jobs claimed from one of several shards.

    It equals the queue's own reference, so that jobs of all shards are counted and acknowledged together.

    Attributes:
        tag: the shard's tag.
    """

    tag: str

    def __new__(cls, tag: str) -> Self:
        """The reference to the shard of a tag."""
        ref = super().__new__(cls, name_of(tag), "native")
        ref.tag = tag
        return ref


def ref_of(tag: str) -> QueueRef:
    """The reference to the shard of a tag; that of shard 0 is the queue's own."""
    return ShardRef(tag) if name_of(tag) != tag else QueueRef(tag, "native")


def tag_of_ref(ref: QueueRef) -> str:
    """The tag of the shard that a job was claimed from."""
    return ref.tag if isinstance(ref, ShardRef) else ref.name
