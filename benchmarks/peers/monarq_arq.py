"""monarq on a queue in arq's format, otherwise like `benchmarks.peers.monarq`."""

from __future__ import annotations

import os

from benchmarks.protocol.launch import FORMAT

os.environ[FORMAT] = "arq"  # before the import, and for worker processes

from benchmarks.peers.monarq import Feeder as Feeder
from benchmarks.peers.monarq import work as work
