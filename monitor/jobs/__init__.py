"""Jobs as people see them: lists, one job with its timeline, payloads and results, dead letters."""
