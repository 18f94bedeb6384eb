"""Peers and servers as processes of the driver: installing, starting and stopping them."""
