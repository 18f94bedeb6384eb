"""Wrong clocks for processes; the error can be changed at any moment."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

SOURCE: Final = Path(__file__).with_name("clock.c")


class Clock:
    """A wall clock for processes that are started with its `environment`; at first it is right.

    Args:
        directory: where its files go.
        name: distinguishes it from others in the directory.

    Raises:
        RuntimeError: there is no C compiler.
    """

    def __init__(self, directory: Path, name: str) -> None:
        self._file = directory / f"{name}.clock"
        self._library = directory / "clock.so"
        self.set(0)
        if not self._library.exists():
            _compile(self._library)

    @property
    def environment(self) -> dict[str, str]:
        """The environment variables that make a process and its children use this clock."""
        return {"LD_PRELOAD": str(self._library), "CHAOS_CLOCK": str(self._file)}

    def set(self, error_s: float) -> None:
        """Sets the error; a negative error makes the clock slow."""
        data = round(error_s * 1e9).to_bytes(8, "little", signed=True)
        # Write in place and in one call: processes have the file mapped.
        with self._file.open("r+b" if self._file.exists() else "wb", buffering=0) as file:
            file.write(data)


def _compile(library: Path) -> None:
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except FileNotFoundError:
        raise RuntimeError("wrong clocks need a C compiler: install one named cc") from None
    except subprocess.CalledProcessError as error:
        raise RuntimeError(f"cannot compile the wrong clock: {error.stderr}") from None
