"""Traces by OpenTelemetry: spans of enqueues, and a span's context on its way to another process."""
