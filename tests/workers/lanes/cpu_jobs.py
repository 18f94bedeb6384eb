"""What the tests of the CPU lane run in its child process, and the values that they send through it.

It imports little at its top, as a fresh child imports it in nearly every test.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from monarq.workers.lanes.cpu_child.connection import WorkerConnection
from monarq.workers.lanes.cpu_child.main import send_message

# -- values, contexts and exceptions


class TwoPartError(Exception):
    """Calling its class by its args would fail: __init__ wants more than these."""

    def __init__(self, left: str, right: str) -> None:
        super().__init__(f"{left} and {right}")


class CodeError(Exception):
    """Unpickling it by its args would say "code code 7"."""

    def __init__(self, code: object) -> None:
        super().__init__(f"code {code}")
        self.code = code


class LockedError(Exception):
    """Cannot be pickled."""

    def __init__(self) -> None:
        super().__init__("locked")
        self.lock = threading.Lock()


class NamelessError(Exception):
    """Its text cannot be made."""

    def __init__(self) -> None:
        super().__init__(lambda: None)

    def __str__(self) -> str:
        raise ZeroDivisionError


class Unloadable:
    """Pickles, but does not unpickle."""

    def __reduce__(self) -> tuple[Any, ...]:
        return int, ("no number",)


@dataclass(frozen=True, slots=True)
class Ctx:
    """A context as a job gets it."""

    job_id: str


class Declared:
    """As monarq's Job: a callable object around what is called."""

    def __init__(self, function: Any) -> None:
        self.worker_callable = function

    def __call__(self) -> NoReturn:
        raise AssertionError("the lane must call the function itself")


def shrink(size: int) -> Any:
    return size


# -- functions


def add(left: int, right: int = 0) -> int:
    return left + right


declared_add = Declared(add)
not_callable = 7


class Space:
    @staticmethod
    def double(value: int) -> int:
        return 2 * value


async def coroutine() -> int:
    return 1


def with_context(ctx: Ctx, value: int) -> str:
    return f"{ctx.job_id}:{value}"


def pid() -> int:
    return os.getpid()


def echo(value: Any) -> Any:
    return value


def blob(count_bytes: int) -> bytes:
    return os.urandom(1024) * (count_bytes // 1024)


def unpicklable() -> object:
    return lambda: None


def unloadable() -> Unloadable:
    return Unloadable()


def fail(kind: str) -> NoReturn:
    import asyncio

    raise {
        "value": ValueError("bad", 7),
        "os": FileNotFoundError(2, "No such file", "gone.txt"),
        "two": TwoPartError("a", "b"),
        "code": CodeError(7),
        "locked": LockedError(),
        "nameless": NamelessError(),
        "exit": SystemExit(3),
        "interrupt": KeyboardInterrupt(),
        "cancelled": asyncio.CancelledError("by itself"),
        "stop": StopIteration(5),
        "timeout": TimeoutError("my own"),
    }[kind]


def recurse() -> int:
    return recurse() + 1


def wait(seconds: float = 60) -> None:
    time.sleep(seconds)


def wait_deaf(how: str) -> None:
    """Does not end by any signal that can be handled, blocked or put off."""
    import re

    if how == "ignores":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    elif how == "blocks":
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    elif how == "sums":
        sum(range(10**10))
    elif how == "matches":
        re.match(r"(a+)+$", "a" * 40 + "b")
    wait()


def wait_with_family(pid_file: str) -> None:
    """Starts a program and a fork, both deaf to SIGTERM, and writes down all their pids."""
    import subprocess

    program = subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 61 & wait; sleep 62"])
    forked = os.fork()
    if not forked:
        wait_deaf("blocks")
    partial = Path(pid_file + ".part")
    partial.write_text(f"{os.getpid()} {program.pid} {forked}")
    partial.rename(pid_file)
    wait_deaf("blocks")


def leave_family(pid_file: str) -> None:
    """Returns, and leaves a program running."""
    import subprocess

    Path(pid_file).write_text(str(subprocess.Popen(["sleep", "63"]).pid))


def die(how: str) -> None:
    import ctypes

    if how == "exit":
        os._exit(3)
    elif how == "segv":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif how == "null":
        ctypes.string_at(0)
    elif how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif how == "closes":
        os.closerange(3, 1000)
        wait()
    elif how == "closes and returns":
        os.closerange(3, 1000)
    elif how == "scribbles":
        for fd in range(3, 200):
            try:
                os.write(fd, b"\xff" * 64)
            except OSError:
                continue
        wait()


def close_and_open(path: str) -> None:
    """Closes the lane's socket and opens files under all the freed numbers."""
    os.closerange(3, 1000)
    for _ in range(40):
        os.open(path, os.O_CREAT | os.O_WRONLY)


def hog(count_bytes: int) -> int:
    return len(bytearray(count_bytes))


def grow(step_bytes: int, pause_s: float) -> None:
    held = []
    while True:
        held.append(bytearray(step_bytes))
        time.sleep(pause_s)


KEPT: list[bytearray] = []


def keep(count_bytes: int) -> int:
    KEPT.append(bytearray(count_bytes))
    return os.getpid()


def chatter() -> str:
    print("to stdout", flush=True)
    print("to stderr", file=sys.stderr, flush=True)
    os.system("echo from a shell")
    os.write(1, b"\x00\xff" * 100)
    return sys.stdin.read()


def report(steps: int) -> str:
    for step in range(steps):
        send_message({"step": step})
    return "done"


def report_from_thread() -> None:
    thread = threading.Thread(target=send_message, args=("from a thread",))
    thread.start()
    thread.join()


def report_unpicklable() -> None:
    send_message(lambda: None)


def report_when_over() -> None:
    """Sends a message once its job is over."""

    def later() -> None:
        time.sleep(0.05)
        send_message("late")

    threading.Thread(target=later, daemon=True).start()


def report_from_fork() -> str:
    """What send_message() raises in a fork."""
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(1) as pool:
        return pool.apply(_failing_report)


def _failing_report() -> str:
    try:
        send_message("from a fork")
    except RuntimeError as error:
        return str(error)
    return "sent"


def fork_and_return() -> int:
    """Both processes come back from here."""
    forked = os.fork()
    if forked:
        os.waitpid(forked, 0)
    return os.getpid()


def terminate_fork() -> int:
    """The exit code of a multiprocessing fork that was ended the usual way."""
    import multiprocessing

    process = multiprocessing.get_context("fork").Process(target=wait)
    process.start()
    process.terminate()
    process.join(5)
    assert process.exitcode is not None
    return process.exitcode


def signal_masks_of_program() -> dict[str, str]:
    """The signals that a program started by a job finds blocked and ignored."""
    import subprocess

    status = subprocess.run(["cat", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
    return {key: value.strip() for key, _, value in (line.partition(":") for line in status.splitlines())}


def descriptors_of_program() -> list[str]:
    """The descriptors that a program inherits from a job that takes no care."""
    import subprocess

    command = [sys.executable, "-c", "import os; print(*os.listdir('/proc/self/fd'))"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, close_fds=False).stdout.split()


def answer_and_die(answer: bytes, running: str) -> bytes:
    """Creates a file, returns when that is deleted, and ends the process as soon as the answer is sent."""

    def end() -> None:
        main = threading.main_thread().ident or 0
        while sys._current_frames()[main].f_code is not WorkerConnection._read.__code__:
            time.sleep(0.001)
        os._exit(3)

    file = Path(running)
    file.touch()
    while file.exists():
        time.sleep(0.001)
    threading.Thread(target=end).start()
    return answer


def hit_by_service_manager() -> str:
    os.kill(os.getpid(), signal.SIGTERM)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.01)
    return "alive"


def surroundings() -> dict[str, Any]:
    return {
        "path": sys.path,
        "PYTHONPATH": os.environ.get("PYTHONPATH"),
        "argv": sys.argv[1:],
        "fds": sorted(int(fd.name) for fd in Path("/proc/self/fd").iterdir()),
        "sid": os.getsid(0),
        "oom": int(Path("/proc/self/oom_score_adj").read_text()),
    }


def write_at_exit(path: str) -> None:
    atexit.register(lambda: Path(path).write_text("ran"))


def linger_at_exit() -> None:
    atexit.register(wait)


# -- misuse of what the child and its worker share


def misuse_descriptors(how: str) -> str:  # noqa: C901 - a table of what can be done
    """Does to its descriptors what no job should, and returns."""
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
