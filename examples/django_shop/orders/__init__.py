"""The application: orders, and their tasks."""
