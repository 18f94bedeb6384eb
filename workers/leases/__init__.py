"""Leases: who holds which job, who renews, who sweeps up after lost workers, who aborts."""
