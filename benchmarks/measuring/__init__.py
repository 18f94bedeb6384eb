"""What is measured, and with what: cases, measures, rounds, the meter of Redis, and the machine."""
