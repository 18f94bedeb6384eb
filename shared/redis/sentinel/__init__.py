"""Sentinel: clients of whatever server the sentinels call the primary, which follow every failover."""
