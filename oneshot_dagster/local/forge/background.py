"""What the forge does in its own time: asynchronous merges and the merge queue. One thread, while there is work."""

import logging
import threading
import time

from oneshot_dagster.local.forge import async_merges, merge_queue
from oneshot_dagster.local.forge.forge import Forge

_LOOK = 0.05
_LOG = logging.getLogger(__name__)


def wake(forge: Forge) -> None:
    """After anything was asked for, and at start."""
    with forge.writing:
        if not forge.busy.is_set():
            forge.busy.set()
            threading.Thread(target=_work, args=(forge,), name="forge-background", daemon=True).start()


def _work(forge: Forge) -> None:
    while True:
        with forge.writing:
            if not _look(forge):
                forge.busy.clear()
                return
        time.sleep(_LOOK)


def _look(forge: Forge) -> bool:
    """Whether anything is left to wait for."""
    try:
        waiting = async_merges.tick(forge)
        return merge_queue.tick(forge) or waiting
    except Exception:  # noqa: BLE001 - one broken merge must not end the forge
        _LOG.exception("the forge's background work failed")
        return False
