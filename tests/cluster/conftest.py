"""What the tests on a Redis Cluster share: one of three primaries, emptied before each test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chaos.processes.cluster import Cluster
from tests.support.cluster import empty, shared_cluster


@pytest.fixture(scope="session")
def cluster_of_all() -> Iterator[Cluster]:
    """The cluster."""
    with shared_cluster() as cluster:
        yield cluster


@pytest.fixture
async def cluster(cluster_of_all: Cluster) -> Cluster:
    """The cluster without keys."""
    await empty(cluster_of_all)
    return cluster_of_all
