"""Reads a command line: arguments, common options, help texts, and the Redis that it names."""
