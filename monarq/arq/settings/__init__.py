"""arq's settings, read into monarq's."""
