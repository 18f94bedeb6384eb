"""The arguments of a call, converted to the job's types.

This runs the user's code: constructors, validators, registered functions. An exception in it fails only this job.
"""

from __future__ import annotations

from monarq.shared.calls.job_types import JobTypes
from monarq.shared.calls.parameters import Arguments
from monarq.shared.calls.run import Run
from monarq.shared.errors import ArgumentsError
from monarq.shared.interrupts import is_ctrl_c
from monarq.shared.payloads.codec import MSGPACK
from monarq.shared.payloads.payload import Payload
from monarq.shared.text.error_text import error_text


def read_arguments(types: JobTypes, payload: Payload) -> Arguments:
    """The arguments of a payload, converted to the job's types.

    Raises:
        ArgumentsError: the job does not accept them.
    """
    # Other formats carry values themselves.
    try:
        forms = types.arguments if payload.codec is MSGPACK else types.carried_arguments
        return forms.decode(payload.args, payload.kwargs)
    except ArgumentsError:
        raise
    except BaseException as error:
        if is_ctrl_c(error):
            raise
        raise ArgumentsError(f"the arguments of {payload.name} cannot be read: {error_text(error)}") from error


def replaced_arguments(types: JobTypes | None, given: object) -> Arguments:
    """The arguments of a run that middleware passes on in place of the one that it got.

    Args:
        types: the types of the job; None for arq's functions, whose arguments are not checked.
        given: what it passes on.

    Raises:
        TypeError: it is not a run.
        ArgumentsError: the job does not take this number or these names of arguments.
    """
    if not isinstance(given, Run):
        raise TypeError(f"call_next takes a Run, not {given!r}")
    args, kwargs = tuple(given.args), dict(given.kwargs)
    if types is not None:
        try:
            types.arguments.check_call(args, kwargs)
        except ArgumentsError as error:
            raise ArgumentsError(
                f"{error}; these are the arguments that middleware has passed on with run.replace(): give it those that"
                " the job takes"
            ) from None
    return args, kwargs
