"""The event loop of the tests: uvloop's, but it reports what a test has left open.

Where warnings are errors, uvloop's own warning of an open transport keeps it from closing the transport, and then it
waits for the transport's end for ever.
"""

from __future__ import annotations

import warnings
import weakref

import uvloop

OPEN: weakref.WeakSet[uvloop.Loop] = weakref.WeakSet()
"""Loops that are not closed."""


class StrictLoop(uvloop.Loop):
    """Closes whatever is open, and then fails because of it."""

    def __init__(self) -> None:
        super().__init__()
        OPEN.add(self)

    def close(self) -> None:
        """Ends the loop.

        Raises:
            AssertionError: something was open; where it was made is said with PYTHONASYNCIODEBUG=1.
        """
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            super().close()
        OPEN.discard(self)
        left = [str(warning.message) for warning in caught if issubclass(warning.category, ResourceWarning)]
        assert not left, f"the test is over, and left open: {left}"
