"""What all pages are built on: requests, rendering, charts, the live broadcast and the Redis provider."""
