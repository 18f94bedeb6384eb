"""The basis of all pages: requests, rendering, charts, the live broadcast and the Redis provider."""
