"""What monitors read and change of a native queue: `monarq.shared.protocol.monitor_queue`, a role a file."""
