"""The application object: a program's jobs, resources, middleware, listeners and settings in one place."""
