"""Tells a Ctrl-C from a KeyboardInterrupt that the user's code raises."""

from __future__ import annotations

import signal


def is_ctrl_c(error: BaseException) -> bool:
    """Whether an exception may come from Ctrl-C. In a worker it cannot, as its event loop handles the signal."""
    return isinstance(error, KeyboardInterrupt) and signal.getsignal(signal.SIGINT) is signal.default_int_handler
