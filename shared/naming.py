"""What a queue or a job may be called: what Redis, logs and pages can all show."""

from __future__ import annotations

from monarq.shared.errors import SettingsError


def check_name(name: object, what: str) -> None:
    """Looks at the name of a queue, or the id of a job.

    Args:
        name: the name; None where none was given.
        what: whose it is, for the error.

    Raises:
        SettingsError: it is no text, empty, or cannot be written as UTF-8.
    """
    if name is None:
        return
    if not isinstance(name, str):
        raise SettingsError(f"{what} is {name!r}: give text, such as {str(name)!r}")
    if not name:
        raise SettingsError(f"{what} must not be empty: leave it out instead")
    try:
        name.encode()
    except UnicodeEncodeError:
        raise SettingsError(f"{what} is {name!r}, which cannot be written as UTF-8") from None
