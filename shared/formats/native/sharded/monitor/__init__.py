"""A native queue with any number of shards for monitors: one role per file, as for one shard."""
