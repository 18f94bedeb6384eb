"""The errors of jobs of the CPU lane, besides those that their own functions raise.

Every class keeps its data in `args` and builds its text from them, so that it can be pickled into a job's result.
"""

from __future__ import annotations

from typing import ClassVar

from monarq.shared.errors import JobError, MonarqError, PayloadError, StandInError


class CpuLaneError(JobError):
    """The CPU lane could not run a job, or not to completion."""


class CpuUnreachableError(CpuLaneError):
    """Another process cannot import the function: it is in `__main__`, a lambda or nested.

    Attributes:
        module: the module that it names as its own.
        qualname: its path in that module.
    """

    def __init__(self, module: str, qualname: str) -> None:
        super().__init__(module, qualname)
        self.module = module
        self.qualname = qualname

    def __str__(self) -> str:
        return (
            f"{self.qualname} of module {self.module!r} cannot be reached from the CPU child process: "
            "define it at the top level of a module that can be imported, not in the script that is run"
        )


class CpuStartError(CpuLaneError):
    """The child process failed before it could take a job.

    Attributes:
        reason: why.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason

    def __str__(self) -> str:
        return f"the CPU child process could not start: {self.reason}"


class CpuCloseError(MonarqError):
    """The app's `cpu_lifespan` raised an exception when it closed; the child process has shown its traceback."""

    def __str__(self) -> str:
        return "cpu_lifespan raised an exception when it closed; its traceback is on stderr"


class CpuPickleError(CpuLaneError, PayloadError):
    """The arguments or the result cannot be pickled on their way between the worker and its child.

    Attributes:
        function: the function's name.
        what: "arguments" or "result".
        reason: pickle's error.
    """

    def __init__(self, function: str, what: str, reason: str) -> None:
        super().__init__(function, what, reason)
        self.function = function
        self.what = what
        self.reason = reason

    def __str__(self) -> str:
        return (
            f"the {self.what} of {self.function} cannot be pickled between the worker and its CPU child"
            f" ({self.reason}): pass plain data such as numbers, strings, bytes, lists, dicts, ids or file paths"
        )


class CpuJobError(StandInError):
    """The function raised something that cannot be raised again here: see its name, message and traceback.

    It replaces exceptions that do not survive pickling, and those that would affect the worker's own coroutines:
    SystemExit, KeyboardInterrupt, asyncio.CancelledError, StopIteration.

    Attributes:
        type_name: the exception's class, with its module unless builtin.
        message: its text.
        traceback: the child's traceback as text.
    """

    def __init__(self, type_name: str, message: str, traceback_text: str) -> None:
        super().__init__(message, type_name, traceback_text)
        self.args = (type_name, message, traceback_text)
        self.message = message

    def __str__(self) -> str:
        return f"{self.type_name}: {self.message}" if self.message else self.type_name


class CpuJobDied(CpuLaneError):  # noqa: N818 - it says what happened, as TimeoutExpired does
    """The child process ended while it ran the job.

    Attributes:
        is_crash: whether something other than the worker ended it, so that the job runs again and a crash is counted.
        function: the function's name.
        exit_code: the process's exit code; None if a signal ended it, or if unknown.
        signal_name: the signal that ended it, such as "SIGSEGV"; else None.
        peak_memory_bytes: the peak resident memory of the process; None if unknown.
        peak_is_bound: whether the peak is only an upper bound; see `ExitStatus`.
        reason: why the worker itself killed it, or what a job had damaged; None for neither.
    """

    is_crash: ClassVar[bool] = True

    def __init__(
        self,
        function: str,
        exit_code: int | None,
        signal_name: str | None,
        peak_memory_bytes: int | None,
        reason: str | None = None,
    ) -> None:
        super().__init__(function, exit_code, signal_name, peak_memory_bytes, reason)
        self.function = function
        self.exit_code = exit_code
        self.signal_name = signal_name
        self.peak_memory_bytes = peak_memory_bytes
        self.peak_is_bound = False
        self.reason = reason

    def __str__(self) -> str:
        return f"{self.function} died: {self.how}"

    @property
    def how(self) -> str:
        """How it ended, in words: by what, and with how much memory."""
        return f"{self._manner()}{self._peak()}"

    def _manner(self) -> str:
        if self.reason is not None:
            return self.reason
        if self.signal_name == "SIGKILL":
            return "its process was killed by SIGKILL, which the kernel's out-of-memory killer also sends"
        if self.signal_name is not None:
            return f"its process was killed by {self.signal_name}"
        if self.exit_code is not None:
            return f"its process exited with code {self.exit_code} before the function returned"
        return "its process ended before the function returned"

    def _peak(self) -> str:
        if self.peak_memory_bytes is None:
            return ""
        return f" (peak memory {'at most ' if self.peak_is_bound else ''}{in_mb(self.peak_memory_bytes)})"


class CpuJobStopped(CpuJobDied):
    """The lane was stopped while the child ran the job."""

    is_crash = False


class CpuMemoryExceeded(CpuJobDied):
    """The child's resident memory exceeded the job's limit, so it was killed.

    Attributes:
        limit_bytes: the limit.
        seen_bytes: its resident memory when it was killed.
    """

    is_crash = False

    def __init__(self, function: str, limit_bytes: int, seen_bytes: int, peak_memory_bytes: int | None) -> None:
        super().__init__(function, None, "SIGKILL", peak_memory_bytes)
        self.args = (function, limit_bytes, seen_bytes, peak_memory_bytes)
        self.limit_bytes = limit_bytes
        self.seen_bytes = seen_bytes

    def _manner(self) -> str:
        return (
            f"it exceeded its memory limit of {in_mb(self.limit_bytes)} "
            f"({in_mb(self.seen_bytes)} resident) and was killed"
        )


def in_mb(count_bytes: int) -> str:
    """`count_bytes` as text, such as "12.5 MB" (of 2**20 bytes)."""
    return f"{count_bytes / (1 << 20):,.1f} MB"
