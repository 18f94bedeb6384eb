"""The tests' event loop: uvloop, but it reports what a test has left open.

With warnings as errors, uvloop's own warning about an open transport keeps it from closing the transport, and it then
waits forever for its end.
"""

from __future__ import annotations

import warnings
import weakref

import uvloop

OPEN: weakref.WeakSet[uvloop.Loop] = weakref.WeakSet()
"""Loops that are not closed yet."""


class StrictLoop(uvloop.Loop):
    """Closes whatever is still open, and then fails."""

    def __init__(self) -> None:
        super().__init__()
        OPEN.add(self)

    def close(self) -> None:
        """Closes the loop.

        Raises:
            AssertionError: something was open; PYTHONASYNCIODEBUG=1 shows where it was created.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            super().close()
        OPEN.discard(self)
        left = [str(warning.message) for warning in caught if issubclass(warning.category, ResourceWarning)]
        assert not left, f"the test left open: {left}"
