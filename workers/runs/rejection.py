"""Rejection: the errors of jobs that cannot be run, which clients get when they wait for the results."""

from __future__ import annotations

from collections.abc import Iterable

from monarq.shared.errors import JobDeadError, PayloadError, PayloadTooLargeError
from monarq.shared.protocol.lease import Lease


class RejectionPolicy:
    """The errors of rejected jobs by monarq's own rules.

    Another set of rules, such as arq's, is a subclass, and part of a worker's settings.
    """

    def dead(self, why: str) -> Exception:
        """The error of a job that has had its last try or crash."""
        return JobDeadError(why)

    def gone(self, lease: Lease) -> Exception:
        """The error of a job without a payload: Redis does not tell whether a key has expired or was evicted."""
        if lease.may_have_expired:
            return self.dead(
                "job expired: no worker had started it when its `expires` was over, or Redis had evicted its payload,"
                " which maxmemory-policy noeviction prevents"
            )
        return self.dead(
            "its payload is gone: Redis evicted it, somebody deleted it, or it has expired (payloads of arq's clients"
            " expire after a day); a Redis that holds jobs needs maxmemory-policy noeviction"
        )

    def too_large(self, lease: Lease, size: int, most: int) -> Exception:
        """The error of a job whose payload is larger than the settings allow."""
        return PayloadTooLargeError(f"job {lease.job_id}", size, most)

    def undecodable(self, error: PayloadError) -> Exception:
        """The error of a job whose payload cannot be read."""
        return PayloadError(f"the payload cannot be read: {error}")

    def may_wait(self, waited_s: float, keep_s: float) -> bool:
        """Whether a job whose name is unknown here is requeued for a worker that knows it.

        Args:
            waited_s: seconds since a worker that did not know it first claimed it.
            keep_s: the settings' `keep_unknown_s`.
        """
        return waited_s < keep_s

    def unknown(self, name: str, waited_s: float, known: Iterable[str]) -> Exception:
        """The error of a job whose name is unknown, and which has waited too long."""
        waited = f", nor on any other that claimed it within {waited_s:,.0f} s" if waited_s else ""
        return JobDeadError(f"no job is named {name!r} on this worker{waited}; it knows {list_names(known)}")


def list_names(names: Iterable[str]) -> str:
    """The first ten names as text."""
    shown = sorted(names)
    return ", ".join(shown[:10]) + (f" and {len(shown) - 10} more" if len(shown) > 10 else "")
