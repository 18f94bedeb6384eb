"""Views of jobs for people: lists, one job with its timeline, payloads and results, dead letters."""
