"""What every page is built on: requests, HTML, charts, live updates and the connection to Redis."""
