"""What a job raises to be tried again.

`Retry` is arq's own class, so that jobs written for arq raise what monarq understands. It stands alone, as arq brings
redis along: a cpu child whose jobs are declared without it starts in half the time.
"""

from arq.worker import Retry as Retry
