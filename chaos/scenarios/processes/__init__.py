"""Faults of worker processes: killed, stopped, frozen, out of memory, as PID 1, with wrong clocks, mixed with arq's."""
