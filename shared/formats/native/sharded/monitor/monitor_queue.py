"""A native queue with any number of shards, for monitors."""

from __future__ import annotations

from monarq.shared.formats.native.sharded.monitor.dead_letters import ShardedDeadLetterReads
from monarq.shared.formats.native.sharded.monitor.job_reads import ShardedJobReads
from monarq.shared.formats.native.sharded.monitor.queue_reads import ShardedQueueReads
from monarq.shared.formats.native.sharded.monitor.steps import ShardedQueueSteps


class ShardedMonitorQueue(ShardedQueueReads, ShardedJobReads, ShardedDeadLetterReads, ShardedQueueSteps):
    """See `monarq.shared.protocol.monitor_queue.MonitorQueue`."""
