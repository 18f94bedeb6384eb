"""`monarq doctor`: what a worker would meet here, and what to do about it."""
