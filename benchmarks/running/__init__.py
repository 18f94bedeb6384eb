"""The peers and servers as processes of the driver's: what is installed, started and stopped."""
