"""Commands that read counters."""
