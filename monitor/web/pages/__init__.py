"""What is shown, a module for each kind of thing: reads Redis, gives a `View`, and changes what it is asked to."""
