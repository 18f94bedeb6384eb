"""Exceptions of jobs, as producers, logs and pages get them."""
