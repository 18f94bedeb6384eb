"""The supervisor: keeps a pool of worker processes running, healthy and fresh."""
