"""The processes that a scenario starts, kills and starts again: workers, enqueuers, Redis servers and sentinels."""
