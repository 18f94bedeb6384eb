"""Redis: connections, keys, scripts, and what its errors mean."""
