"""The supervisor: keeps a pool of worker processes running and healthy."""
