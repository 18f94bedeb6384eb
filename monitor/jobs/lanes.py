"""The lane of a job that has ended, from what its worker has written of it."""

from __future__ import annotations

from monarq.shared.lane import LANE_NAMES, LaneName


def lane_named(told: object, otherwise: LaneName = "io") -> LaneName:
    """The lane that was told; nothing is told of the event loop's jobs, nor by arq's workers, which have no other."""
    return next((lane for lane in LANE_NAMES if lane == told), otherwise)
