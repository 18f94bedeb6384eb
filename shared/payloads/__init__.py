"""What travels through Redis: payloads, results, errors, progress."""
