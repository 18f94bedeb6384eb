"""A queue with several shards, each a native queue, behind the interfaces of one queue: `monarq.shared.protocol`."""
