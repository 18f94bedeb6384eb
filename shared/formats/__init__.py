"""The formats of a queue in Redis: keys, scripts, and the functions that call them, in one folder per format."""
