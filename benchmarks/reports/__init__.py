"""The output of a run: tables, rows as JSON, and plots."""
