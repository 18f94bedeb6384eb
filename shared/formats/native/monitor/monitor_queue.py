"""A native queue, for monitors."""

from __future__ import annotations

from monarq.shared.formats.native.monitor.dead_letters import NativeDeadLetterReads
from monarq.shared.formats.native.monitor.job_reads import NativeJobReads
from monarq.shared.formats.native.monitor.queue_reads import NativeQueueReads
from monarq.shared.formats.native.monitor.steps import NativeQueueSteps


class NativeMonitorQueue(NativeQueueReads, NativeJobReads, NativeDeadLetterReads, NativeQueueSteps):
    """See `monarq.shared.protocol.monitor_queue.MonitorQueue`."""
