"""Load: thousands of jobs at one moment, long queues, a sync of every write, and a soak test."""
