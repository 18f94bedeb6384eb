"""A worker that runs by arq's rules: hooks, log lines, health check, Sentry."""
