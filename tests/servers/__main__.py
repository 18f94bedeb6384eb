"""`python -m tests.servers [NAME...]`: installs each server into a folder, runs the tests on it, and prints a table."""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

from tests.servers.wheels import SERVERS, NoServerError, Server, bring, version_of
from tests.support.server import VARIABLE

TESTS: Final = ("tests/shared/formats", "tests/shared/redis", "tests/model", "tests/acceptance/test_acl_user.py")
"""What runs scripts, one by one and by the model, and what a user of few rights may do."""


def main() -> int:
    """Tests each server that was asked for; 1 where tests failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    names = [server.name for server in SERVERS]
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}; by default all")
    parser.add_argument("--pip", default=f"{sys.executable} -m pip", help="the command of pip")
    parser.add_argument("--folder", type=Path, default=Path(".venv-servers"), help="where the servers are put")
    parser.add_argument("--pytest", default=" ".join(("-n2", *TESTS)), help="arguments of pytest")
    given = parser.parse_args()
    if unknown := set(given.names) - set(names):
        parser.error(f"no such server: {', '.join(sorted(unknown))}; there are {', '.join(names)}")
    rows, failed = [], False
    for server in SERVERS:
        if server.name in (given.names or names):
            row, passed = run(server, given.folder.resolve(), shlex.split(given.pip), shlex.split(given.pytest))
            rows.append(row)
            failed = failed or not passed
    print("\n".join(f"{name:14} {version:14} {result}" for name, version, result in rows))
    return int(failed)


def run(server: Server, folder: Path, pip: list[str], arguments: list[str]) -> tuple[tuple[str, str, str], bool]:
    """Runs the tests on one server: its row of the table, and whether none failed."""
    try:
        launcher = bring(server, folder, pip)
        version = version_of(launcher)
    except NoServerError as error:
        return (server.name, "", f"not tested: {error}"), True
    print(f"{server.name}: {version}", flush=True)
    environment = os.environ | {VARIABLE: str(launcher), "PATH": f"{launcher.parent}{os.pathsep}{os.environ['PATH']}"}
    begun_s = time.monotonic()
    passed = subprocess.run((sys.executable, "-m", "pytest", *arguments), env=environment, check=False).returncode == 0
    return (server.name, version, f"{'passed' if passed else 'FAILED'} in {time.monotonic() - begun_s:.0f} s"), passed


if __name__ == "__main__":
    sys.exit(main())
