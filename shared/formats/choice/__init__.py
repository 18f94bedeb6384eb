"""The choice of a format: what implements each contract, by the format of the queue; chosen here and nowhere else.

A module for each role, so that a process loads the scripts of its own role alone.
"""
