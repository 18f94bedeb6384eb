"""Commands on whole queues."""
