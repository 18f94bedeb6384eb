"""The application object: jobs, resources, middleware, listeners and settings of a program in one place."""
