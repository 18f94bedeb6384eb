"""What peers speak with the driver: their producers, pools, jobs and timestamps. Runs in the peers' environments."""
