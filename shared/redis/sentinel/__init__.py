"""Sentinel: clients that connect to the primary named by the sentinels, and follow every failover."""
