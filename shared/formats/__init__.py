"""The formats of a queue in Redis: keys, scripts, and the functions that call them, in a folder a format."""
