"""Text for people: errors, tracebacks and names, safe to print and to log."""
