"""What is measured and how: cases, measures, rounds, Redis' meter, and the machine."""
