"""A native queue for monitors: `monarq.shared.protocol.monitor_queue`, one role per file."""
