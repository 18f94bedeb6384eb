"""Queue health: an overview of each queue, and what is wrong with it."""
