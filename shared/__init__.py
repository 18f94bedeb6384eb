"""The protocol that producers, workers and monitors all speak: keys, scripts, jobs, payloads, errors."""
