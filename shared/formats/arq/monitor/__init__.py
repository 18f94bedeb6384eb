"""What monitors read and change of a queue in arq's format: `monarq.shared.protocol.monitor_queue`, a role a file."""
