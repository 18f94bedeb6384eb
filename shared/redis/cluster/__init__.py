"""Redis Cluster: which node holds which slot, and clients that send each command to the node of its key."""
