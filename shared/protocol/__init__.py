"""What producers, workers and monitors say to a queue, whatever its format: values, and a contract for each of them."""
