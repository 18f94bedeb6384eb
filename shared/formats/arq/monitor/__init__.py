"""A queue in arq's format for monitors: `monarq.shared.protocol.monitor_queue`, one role per file."""
