"""Terminal output of commands: streams and exit codes, tables, progress bars, numbers and times."""
