"""A queue of several shards, each a native queue of its own, behind the contracts of one: `monarq.shared.protocol`."""
