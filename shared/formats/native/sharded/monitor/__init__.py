"""What monitors read and change of a native queue of any number of shards: a role a file, as for one shard."""
