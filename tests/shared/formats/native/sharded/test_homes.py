"""The shard of an id."""

from __future__ import annotations

from collections import Counter

import pytest

from monarq.shared.formats.native.ids import IdMaker
from monarq.shared.formats.native.shards import ONE, Shards, home, name_of, shard_suffix, tag_of

CHOSEN = [f"order:{number}" for number in range(4000)]


def test_a_queue_of_one_shard_has_all_ids_in_it() -> None:
    assert {home(job_id, 1) for job_id in [*CHOSEN, *IdMaker().make(3, 1_795_966_156_000)]} == {0}


@pytest.mark.parametrize(("old", "new"), [(1, 2), (2, 3), (3, 8), (4, 8), (8, 256)])
def test_more_shards_take_ids_from_old_ones_and_move_no_others(old: int, new: int) -> None:
    moved = [job_id for job_id in CHOSEN if home(job_id, old) != home(job_id, new)]
    assert all(home(job_id, new) >= old for job_id in moved)
    assert len(moved) == pytest.approx(len(CHOSEN) * (new - old) / new, rel=0.15)


def test_chosen_ids_are_spread_evenly() -> None:
    counts = Counter(home(job_id, 8) for job_id in CHOSEN)
    assert set(counts) == set(range(8))
    assert max(counts.values()) < 1.3 * min(counts.values())


def test_where_an_id_lives_is_the_same_for_ever() -> None:
    """Another program, or a later version, must find what this one has put in."""
    assert [home(job_id, 8) for job_id in ("a", "order:7", "ä", "x" * 100)] == [6, 3, 2, 4]
    assert home(b"\xff\xfe", 8) == home("\udcff\udcfe", 8)


@pytest.mark.parametrize("shard", [0, 1, 31, 32, 255])
def test_made_ids_name_their_shard_and_never_move(shard: int) -> None:
    [made] = IdMaker().make(1, 1_795_966_156_000)
    job_id = made + shard_suffix(shard)
    assert len(job_id) == 24
    assert {home(job_id, count) for count in (shard + 1, 256) if count > 1} <= {shard}


def test_what_was_made_for_one_shard_and_the_ticks_of_crons_stay_in_it() -> None:
    [made] = IdMaker().make(1, 1_795_966_156_000)
    assert {home(job_id, count) for job_id in (made, "cron:report:17") for count in (2, 8, 256)} == {0}


def test_an_object_id_is_no_made_id() -> None:
    """24 hexadecimal digits that begin with a time must not all live in the few shards that they would name."""
    ids = [f"66f{number:021x}" for number in range(300)]
    assert len({home(job_id, 8) for job_id in ids}) == 8


def test_old_homes_are_those_of_earlier_numbers_until_their_time_is_over() -> None:
    shards = Shards(8, (4, 2), until_ms=1000)
    for job_id in CHOSEN[:200]:
        old = shards.old_homes(job_id, 1000)
        assert old == [each for each in dict.fromkeys([home(job_id, 4), home(job_id, 2)]) if each != home(job_id, 8)]
        assert shards.old_homes(job_id, 1001) == []
    assert any(len(shards.old_homes(job_id, 1000)) == 2 for job_id in CHOSEN)


@pytest.mark.parametrize("shards", [Shards(4, opened=4), Shards(8, (4,), 17, 4), Shards(8, (4, 1), 0, 8)])
def test_numbers_are_read_as_they_were_told(shards: Shards) -> None:
    assert Shards.read(shards.count, shards.before_text.encode(), shards.opened) == shards


@pytest.mark.parametrize("count", [b"x", b"0", b"257", b"-1"])
def test_what_is_no_number_of_shards_counts_as_one(count: bytes) -> None:
    assert Shards.read(count, b"", b"1") == ONE


def test_tags() -> None:
    assert [tag_of("mail", 0), tag_of("mail", 7)] == ["mail", "mail~7"]
    assert [name_of("mail"), name_of("mail~7")] == ["mail", "mail"]
