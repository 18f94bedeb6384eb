"""The control channel between the supervisor and its workers, and the messages on it."""
