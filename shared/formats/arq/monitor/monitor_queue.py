"""A queue in arq's format, for monitors."""

from __future__ import annotations

from monarq.shared.formats.arq.monitor.dead_letters import ArqDeadLetterReads
from monarq.shared.formats.arq.monitor.job_reads import ArqJobReads
from monarq.shared.formats.arq.monitor.queue_reads import ArqQueueReads
from monarq.shared.formats.arq.monitor.steps import ArqQueueSteps


class ArqMonitorQueue(ArqQueueReads, ArqJobReads, ArqDeadLetterReads, ArqQueueSteps):
    """See `monarq.shared.protocol.monitor_queue.MonitorQueue`."""
