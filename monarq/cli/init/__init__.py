"""`monarq init`: writes a small project that runs."""
