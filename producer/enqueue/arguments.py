"""Argument encoder: checks the arguments of jobs, and encodes them as plain values, before anything is sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from monarq.shared.calls.arguments import ArgumentForms
from monarq.shared.calls.parameters import Arguments
from monarq.shared.errors import ArgumentsError
from monarq.shared.jobs.job import Job, types_of
from monarq.shared.payloads.codec import MSGPACK, Codecs

_CHECKED_AT_ONCE: Final = 1000

_TUPLES: Final = {tuple}

Row = tuple[Any, ...]


class ArgumentEncoder:
    """Encodes the arguments of enqueues.

    Args:
        codecs: the format of payloads. Formats other than msgpack carry the values themselves, which are only checked.
        is_checked: whether wrong arguments are refused here; if not, the worker refuses them.
    """

    def __init__(self, codecs: Codecs, *, is_checked: bool = True) -> None:
        self._is_carried = codecs.write is not MSGPACK
        self._is_checked = is_checked

    def encode(self, job: Job[..., Any], args: Row, kwargs: Mapping[str, Any]) -> Arguments:
        """The arguments of one job, encoded for its payload.

        Raises:
            ArgumentsError: the job does not take them.
            DeclarationError: a class in the job's annotations cannot be rebuilt.
        """
        forms = self._forms(job)
        if not kwargs and forms.is_free(args):
            return args, {}
        if self._is_checked:
            job.check_arguments(args, dict(kwargs))
            return forms.encode(args, kwargs)
        return (args, dict(kwargs)) if self._is_carried else forms.encode_what_fits(args, kwargs)

    def encode_rows(self, job: Job[..., Any], rows: Sequence[Row]) -> Sequence[Row]:
        """The positional arguments of many jobs, encoded for their payloads. All are checked before it returns.

        Raises:
            ArgumentsError: one of them is not a tuple, or the job does not take them.
            DeclarationError: as `encode`.
        """
        forms = self._forms(job)
        done: list[Row] = []
        for at in range(0, len(rows), _CHECKED_AT_ONCE):
            part = rows[at : at + _CHECKED_AT_ONCE]
            if set(map(type, part)) != _TUPLES:
                _check_tuples(part)
            done += part if forms.are_free(part) else [self.encode(job, row, {})[0] for row in part]
        return done

    def _forms(self, job: Job[..., Any]) -> ArgumentForms:
        types = types_of(job)
        return types.carried_arguments if self._is_carried else types.arguments


def _check_tuples(rows: Sequence[Row]) -> None:
    for row in rows:
        if not isinstance(row, tuple):
            raise ArgumentsError(
                f"arguments must be tuples, one per job, but one is {row!r}: write (value,) for a single value"
            )
