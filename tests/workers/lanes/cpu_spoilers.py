"""What the tests of frames and descriptors run in the cpu lane's process: see test_cpu_lane_spoiled.py."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from monarq.workers.lanes.cpu_child.main import send_message


def spoil(how: str) -> str:  # noqa: C901 - a table of what can be done
    """Does to its descriptors what none should, and returns."""
    numbers = range(256)
    if how == "closes a stream":
        os.close(1)
    elif how == "closes the streams":
        os.closerange(0, 3)
    elif how == "closes the lifeline":
        os.close(_lifeline())
    elif how == "makes them not block":
        _for_each(numbers, lambda fd: os.set_blocking(fd, False))
    elif how == "reads what is there":
        _for_each(numbers, lambda fd: os.set_blocking(fd, False))
        _for_each(numbers, lambda fd: os.read(fd, 1 << 16))
    elif how == "reads for ever":
        for fd in numbers:
            threading.Thread(target=_read_all, args=(fd,), daemon=True).start()
    elif how == "reads a byte":
        threading.Thread(target=os.read, args=(_socket(), 1), daemon=True).start()
    elif how == "closes later":
        _later(lambda: os.closerange(3, 256))
    elif how == "writes a bit":
        os.write(_socket(), b"x")
    elif how == "writes later":
        number = _socket()
        _later(lambda: os.write(number, b"\x02" * 100))
    return how


def _later(do: Callable[[], object]) -> None:
    """Does it once the answer has gone out, and then makes the file that says so."""

    def work() -> None:
        do()
        Path(os.environ["DONE_LATER"]).touch()

    threading.Timer(0.05, work).start()


def _for_each(numbers: Iterable[int], do: Callable[[int], object]) -> None:
    for number in numbers:
        try:
            do(number)
        except OSError:
            continue


def _read_all(number: int) -> None:
    try:
        while os.read(number, 1 << 16):
            pass
    except OSError:
        return


def _socket() -> int:
    return next(int(fd.name) for fd in Path("/proc/self/fd").iterdir() if _target(fd).startswith("socket:"))


def _lifeline() -> int:
    return next(
        int(fd.name) for fd in Path("/proc/self/fd").iterdir() if int(fd.name) > 2 and _target(fd).startswith("pipe:")
    )


def _target(fd: Path) -> str:
    try:
        return str(fd.readlink())
    except OSError:
        return ""


def report_with(value: bytes) -> None:
    send_message(len(value))


def resident_bytes(_value: bytes) -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")
