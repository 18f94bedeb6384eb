"""A cpu job in a module that imports models."""

from __future__ import annotations

from monarq import job
from tests.frameworks.django_site.odd.models import Parcel


@job(lane="cpu", queue="cores")
def weigh(weight: int) -> int:
    return Parcel(weight=weight).weight
