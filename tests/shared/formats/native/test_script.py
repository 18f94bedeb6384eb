"""Native scripts get the keys that their heads name, in that order."""

from __future__ import annotations

import pytest

from monarq.shared.formats.native import keys as spelled
from monarq.shared.formats.native.keys import NativeKeys, key_count, wake_channel
from monarq.shared.formats.native.script import NativeScript
from monarq.shared.redis.script_parts import words_of


def test_a_script_s_own_keys_come_first_then_those_of_its_pieces_each_once() -> None:
    script = NativeScript.load("jobs/claim")
    assert len(set(script.key_names)) == len(script.key_names)
    assert script.key_names[:3] == ("meta", "payloads", "held")
    assert not set(script.due_names) & set(script.key_names)


def test_a_name_stands_for_its_key_and_that_of_a_ring_for_its_first_place() -> None:
    script = NativeScript.load("jobs/find")
    keys = NativeKeys("q").list_of(script.key_names)
    names = dict(line.removeprefix("local ").split(" = ") for line in script.source.split("\n-- ")[0].splitlines())
    assert names["KEPT"] == f"KEYS[{keys.index('monarq:n:{q}:kept') + 1}]"
    assert names["RESULTS"] == str(keys.index("monarq:n:{q}:r0") + 1)


def test_all_keys_of_a_queue_are_in_one_slot() -> None:
    keys = NativeKeys("q")
    names = (*spelled._SINGLE, *spelled._RINGS, *spelled._BY_LANE, spelled._HELD)
    for lane_queue in ("io", "cpu"):
        listed = keys.list_of(names, lane_queue, "w.1")
        assert all(key.startswith("monarq:n:{q}:") for key in listed)
        assert len(listed) == sum(map(key_count, names))
    assert wake_channel("w").startswith("monarq:n:")


def test_a_lane_s_keys_are_those_of_the_lane_queue() -> None:
    keys = NativeKeys("q")
    names = ("lane_queued", "lane_deferred", "lane_idle")
    assert keys.list_of(names, "io") == keys.list_of(("queued", "deferred", "idle"))
    assert keys.list_of(names, "cpu") == keys.list_of(("queued_cpu", "deferred_cpu", "idle_cpu"))


def test_incarnations_that_come_and_go_leave_nothing_in_memory() -> None:
    keys = NativeKeys("q")
    for number in range(1000):
        assert keys.list_of(("held",), "io", f"w.{number}") == [keys.held(f"w.{number}")]
    assert len(keys._lists) <= 257


def test_what_is_due_comes_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr(spelled.time, "time", lambda: now_s)
    keys, script = NativeKeys("q"), NativeScript.load("jobs/enqueue")
    assert script.due_names
    whole, full = script._chosen(keys, "io", "")
    part, short = script._chosen(keys, "io", "")
    assert (whole, part) == (script, script.short)
    assert full[: len(short)] == short
    assert len(full) > len(short)
    now_s += 1
    assert script._chosen(keys, "io", "") == (whole, full)
    assert script._chosen(keys, "io", "") == (part, short)


def test_what_runs_without_those_keys_has_nothing_that_needs_them() -> None:
    script = NativeScript.load("jobs/claim")
    assert script.short
    assert "local function flush_counters" in script.source
    assert "STATS" in words_of(script.source)
    assert not words_of(script.short.source) & {"flush_counters", "settle_counters", "counted_names", "STATS"}


@pytest.mark.parametrize("mark", [" -- DUE", ""])
def test_a_script_whose_calls_would_lack_keys_does_not_load(mark: str) -> None:
    text = f"-- KEYS  meta\n-- INCLUDES  counting\nsettle_counters(1, '1'){mark}\nreturn 1\n"
    if mark:
        assert NativeScript.load("tested", text).short
    else:
        with pytest.raises(
            ValueError, match=r"tested\.lua uses HEARD, KNOWN, MINUTES, NAMES, SECONDS, STATS in every call"
        ):
            NativeScript.load("tested", text)


def test_keys_that_each_call_gets_need_no_mark() -> None:
    head = "-- KEYS  meta, stats, minutes, seconds, names, known, heard\n-- INCLUDES  counting\n"
    assert NativeScript.load("tested", f"{head}settle_counters(1, '1')\n").short is None


def test_an_unknown_name_has_no_key() -> None:
    with pytest.raises(KeyError):
        key_count("nothing")
