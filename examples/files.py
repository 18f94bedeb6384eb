"""Many files read, hashed, compressed and written at once, compared with one after another.

    monarq worker examples.jobs        in one terminal
    python -m examples.files           in another
    python -m examples.files --pool    or all in one: with a private Redis and a pool of its own

The files are those of this Python's standard library. The jobs read and write them with aiofiles, and all cores
compress. The files are read once before the clock starts, so that both ways find them in memory; the pool only gains by
compressing on several cores. On a slow disk or a network drive it would gain more. The workers must see the same files
as this script, so run them on one machine.
"""

from __future__ import annotations

import bz2
import hashlib
import sys
import sysconfig
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from monarq import Producer
from monarq.examples.harness.script import run_script
from monarq.examples.harness.workload import OnPart, Workload
from monarq.examples.jobs import hash_and_pack, pack_file

Copies = Mapping[Path, Path]
"""The file to write for each file to read."""


def pack_one_by_one(copies: Copies, on_part: OnPart) -> dict[Path, str]:
    """The SHA-256 of each file; also writes its compressed copy."""
    digests = {}
    for source, target in copies.items():
        digests[source], packed = hash_and_pack(source.read_bytes())
        target.write_bytes(packed)
        on_part()
    return digests


async def pack_with_pool(copies: Copies, producer: Producer, on_part: OnPart) -> dict[Path, str]:
    """The same by jobs."""
    handles = await producer.enqueue_many(pack_file, [(str(source), str(copies[source])) for source in copies])
    source_of = dict(zip(handles, copies, strict=True))
    digests = {}
    async for handle, digest in producer.as_completed(handles):
        digests[source_of[handle]] = digest
        on_part()
    return digests


def copies_are_whole(copies: Copies, digests: object) -> bool:
    """Whether each copy unpacks to its original file."""
    found = {
        source: hashlib.sha256(bz2.decompress(target.read_bytes())).hexdigest() for source, target in copies.items()
    }
    return found == digests


@contextmanager
def files_workload(most: int | None = None) -> Iterator[Workload]:
    """The workload, with folders for the copies that are deleted after the block.

    Args:
        most: how many files at most; all by default.
    """
    sources = list_sources()[:most]
    for source in sources:
        source.read_bytes()
    with tempfile.TemporaryDirectory(prefix="monarq-files-") as folder:
        plain, pooled = (name_copies(sources, Path(folder, name)) for name in ("one-by-one", "with-pool"))
        yield Workload(
            title="files: hashed and compressed",
            jobs=len(sources),
            one_by_one=partial(pack_one_by_one, plain),
            with_pool=partial(pack_with_pool, pooled),
            is_right=lambda digests: copies_are_whole(plain, digests) and copies_are_whole(pooled, digests),
            waits_for="the disk",
            no_wait="its files are in memory",
        )


def list_sources() -> list[Path]:
    """The files of the standard library, without installed packages."""
    library = Path(sysconfig.get_path("stdlib"))
    return [path for path in sorted(library.rglob("*.py")) if "site-packages" not in path.parts]


def name_copies(sources: list[Path], folder: Path) -> Copies:
    """A file in `folder`, which is created, for each of the sources."""
    folder.mkdir()
    return {source: folder / f"{number}-{source.name}.bz2" for number, source in enumerate(sources)}


if __name__ == "__main__":
    sys.exit(run_script(files_workload, __doc__))
