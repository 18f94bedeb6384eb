"""A model of the native queue format: every call may come now, late or never, and anything may stop at any moment."""
