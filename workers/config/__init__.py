"""What a worker goes by: its settings, what the supervisor asks for, and how objects are found by their paths."""
