"""The settings: one table, from which options, environment variables, pyproject.toml and the documentation are made."""
