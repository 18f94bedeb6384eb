"""The connection pools of a cluster's nodes, in the form that the lease thread uses for the pool of one server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NodePools:
    """The pools of all nodes.

    Args:
        nodes: the blocking clients, by any key.
    """

    def __init__(self, nodes: Mapping[Any, Any]) -> None:
        self._nodes = nodes

    @property
    def all(self) -> list[Any]:
        """The pools that there are now."""
        return [node.connection_pool for node in list(self._nodes.values())]

    def disconnect(self) -> None:
        """Does nothing: failed nodes drop their connections themselves, and calls to others must not be interrupted."""
