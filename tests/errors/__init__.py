"""What jobs raise, on its way to programs and people."""
