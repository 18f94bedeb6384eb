"""`monarq doctor`: checks whether a worker could run here, and says what to fix."""
