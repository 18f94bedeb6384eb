"""What commands write to a terminal with: streams and exit codes, tables, progress bars, numbers and times."""
