"""Frames: what is dumped is read again, however the bytes arrive, and other bytes are no frame."""

from __future__ import annotations

import gc
import pickle
import sys
from typing import Any

import pytest

from monarq.workers.lanes.child_protocol import FrameBuffer, FrameKind, dump_frame

FRAMES = [(FrameKind.CALL, 1, {"a": [1, 2]}), (FrameKind.MESSAGE, 2, b"x" * 200_000), (FrameKind.RESULT, 1 << 40, None)]


@pytest.mark.parametrize("step", [1, 20, 65536, 1 << 20])
def test_frames_are_read_whatever_the_pieces_that_arrive(step: int) -> None:
    stream = b"".join(dump_frame(*frame) for frame in FRAMES)
    buffer, taken = FrameBuffer(), []
    for start in range(0, len(stream), step):
        buffer.feed(stream[start : start + step])
        while (frame := buffer.take()) is not None:
            taken.append((frame.kind, frame.call, frame.load()))
    assert taken == FRAMES
    assert not buffer


def test_a_part_of_a_frame_is_none_yet() -> None:
    frame = dump_frame(FrameKind.RESULT, 1, "value")
    for length in (1, 10, len(frame) - 1):
        buffer = FrameBuffer()
        buffer.feed(frame[:length])
        assert buffer.take() is None
        assert buffer


@pytest.mark.parametrize("spoil_at", [0, 1, 2], ids=["magic", "magic", "kind"])
def test_bytes_that_are_no_frame_are_refused(spoil_at: int) -> None:
    frame = bytearray(dump_frame(FrameKind.RESULT, 1, "value"))
    frame[spoil_at] = 0xFF
    buffer = FrameBuffer()
    buffer.feed(bytes(frame))
    with pytest.raises(ValueError, match=r"not a frame|not a valid FrameKind"):
        buffer.take()


def test_what_cannot_be_pickled_raises() -> None:
    with pytest.raises((AttributeError, pickle.PicklingError)):
        dump_frame(FrameKind.RESULT, 1, lambda: None)


def test_frames_in_a_ring_can_be_collected(monkeypatch: pytest.MonkeyPatch) -> None:
    """A view of a stream of bytes cannot: 3.12.1 ends by SIGSEGV, 3.13 tells of a BufferError."""
    told: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", told.append)
    for _ in range(20):
        ring: list[Any] = [dump_frame(FrameKind.CALL, 1, b"x" * 100)]
        ring += [memoryview(ring[0])[5:], ring]
        del ring
    gc.collect()
    assert not told
    assert isinstance(dump_frame(FrameKind.CALL, 1, None), bytes)
