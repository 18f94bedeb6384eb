"""Load: thousands of jobs at one moment, long queues, every write synced, and a soak."""
