"""arq's rules for runs: what its functions are, how runs end, what its log lines say, what Sentry sees."""
