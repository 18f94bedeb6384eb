"""arq's own client, which knows nothing of clusters, on a node of one."""

from __future__ import annotations

import pytest

from chaos.processes.cluster import Cluster
from monarq import RedisRefusedError
from monarq.arq import create_pool
from monarq.arq.connections import RedisSettings


async def test_a_node_that_arq_s_client_is_given(cluster: Cluster) -> None:
    """It refuses the call, and not the script: Valkey 9.1 would refuse every other script after that."""
    words = r"is a node of a Redis Cluster: use redis\+cluster://.*don't hash to the same slot"
    for number, node in enumerate(cluster.nodes):
        pool = await create_pool(RedisSettings(port=node.port), default_queue_name="mail")
        with pytest.raises(RedisRefusedError, match=words):
            await pool.enqueue_job("x", _job_id=f"id-{number}")
        await pool.aclose()
        assert await node.ask("EVAL", "return redis.call('PING')", 0) == "PONG"
