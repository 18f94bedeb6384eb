"""Commands that read what is counted."""
