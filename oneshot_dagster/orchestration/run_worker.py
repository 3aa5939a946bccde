"""Loaded last by the process that run workers are forked from, when it has all the code of a run and before its first fork."""

import gc
import signal

from oneshot_dagster.services.git import opening

opening.load()
# A stack that stops tells the whole group; without this process the code server would not learn how its runs ended. It ends
# with the code server and the last run. A run sets its own handlers before anything else.
signal.signal(signal.SIGTERM, signal.SIG_IGN)
gc.set_threshold(100_000, 20, 20)  # a run makes little garbage, and is over soon
gc.collect()
gc.freeze()
