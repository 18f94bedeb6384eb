"""The connection pools of a cluster's nodes, as the lease thread treats that of one server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NodePools:
    """The pools of all nodes.

    Args:
        nodes: the blocking clients, by whatever names them.
    """

    def __init__(self, nodes: Mapping[Any, Any]) -> None:
        self._nodes = nodes

    @property
    def all(self) -> list[Any]:
        """The pools that there are now."""
        return [node.connection_pool for node in list(self._nodes.values())]

    def disconnect(self) -> None:
        """Nothing: a node that failed is left by itself, and what others are asked just now must not be broken off."""
