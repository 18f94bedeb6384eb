"""Redis Cluster: the slots of nodes, and clients that send each command to the node of its key."""
