"""The security of the page: access control, the middleware in front of all routes, login limits and HTTP limits."""
