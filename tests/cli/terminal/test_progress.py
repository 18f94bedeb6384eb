"""The count that a command prints at its end, where stderr is no terminal."""

from __future__ import annotations

import pytest

from monarq.cli.terminal.progress import ActionProgress


@pytest.mark.parametrize(
    ("total", "done", "refused", "line"),
    [
        (0, 0, [], "0 jobs are deleted"),
        (1, 1, [], "1 job is deleted"),
        (2000, 1500, [], "1,500 jobs are deleted, 500 left as they were"),
        (3, 1, ["a", "b"], "2 jobs refused, 1 job is deleted"),
        (5, 1, ["a"], "1 job refused, 1 job is deleted, 3 left as they were"),
    ],
)
def test_what_was_done_is_counted(
    capsys: pytest.CaptureFixture[str], total: int, done: int, refused: list[str], line: str
) -> None:
    with ActionProgress(total, done_words="deleted", undone_words="deleted") as progress:
        progress.add_done(done)
        for job_id in refused:
            progress.add_refused(job_id, "it is running")
    told = [f"monarq: {job_id} not deleted: it is running" for job_id in refused]
    assert capsys.readouterr().err.splitlines() == [*told, f"monarq: {line}"]


def test_the_count_is_printed_also_where_the_command_is_interrupted(capsys: pytest.CaptureFixture[str]) -> None:
    def interrupted() -> None:
        with ActionProgress(9, done_words="due now", undone_words="retried") as progress:
            progress.add_done(4)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert capsys.readouterr().err == "monarq: 4 jobs are due now, 5 left as they were\n"
