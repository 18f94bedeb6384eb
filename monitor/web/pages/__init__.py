"""The pages, a module for each kind of thing: it reads Redis, returns a `View`, and carries out the changes."""
