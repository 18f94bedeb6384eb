"""The protocol between peers and driver: producers, pools, jobs and timestamps. Runs in the peers' environments."""
