"""What happens in a worker, as typed events: who emits them, and who hears of them."""
