"""What a command line is read with: arguments, common options, help texts, and the Redis that it names."""
