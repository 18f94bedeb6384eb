"""arq's client over monarq's commands."""
