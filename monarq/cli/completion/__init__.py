"""`monarq completion`: completion of commands and options in a shell."""
