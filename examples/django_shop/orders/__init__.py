"""The application: orders, and what is done for them."""
