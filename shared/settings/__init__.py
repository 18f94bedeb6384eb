"""The settings: one table defines all options, environment variables, pyproject.toml keys and their documentation."""
