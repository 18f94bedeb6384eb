"""What a run prints and writes: tables, rows as JSON, and plots."""
