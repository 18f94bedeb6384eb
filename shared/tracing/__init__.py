"""OpenTelemetry traces: spans of enqueues, and the propagation of a span's context to another process."""
