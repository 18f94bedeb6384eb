"""The choice of the implementation of each interface, by the format of the queue. It is made here and nowhere else.

There is one module per role, so that a process loads only the scripts of its own role.
"""
