"""arq's client on monarq's commands: `ArqRedis`, `create_pool` and `RedisSettings`."""
