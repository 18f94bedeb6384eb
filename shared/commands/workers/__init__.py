"""Commands of and about workers."""
