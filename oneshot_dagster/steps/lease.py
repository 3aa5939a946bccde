"""Holding a change for one step: the lease row is renewed while the step works, and who loses it kills its children.
The lane of a repository is another lease, in lane.py."""

import os
import socket
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager

from oneshot_dagster.domain.change import ChangeKey
from oneshot_dagster.domain.errors import LeaseLost, TryAgain
from oneshot_dagster.services.store.protocol import Lease, Store
from oneshot_dagster.system.process import kill_all, start_time


def lease_name(key: ChangeKey) -> str:
    return f"change:{key}"


def holder_name(run_id: str) -> str:
    """Names the run and its process, so that the lease of a process that is gone need not be waited for."""
    pid = os.getpid()
    return f"{run_id}@{socket.gethostname()}:{pid}:{start_time(pid)}"


def holder_is_gone(lease: Lease) -> bool:
    """True only where the holder ran on this host and that process no longer lives; the id alone is not trusted."""
    _, _, place = lease.holder.partition("@")
    host, _, process = place.partition(":")
    pid, _, started = process.partition(":")
    return host == socket.gethostname() and pid.isdigit() and str(start_time(int(pid))) != started


def lives(lease: Lease | None) -> bool:
    return lease is not None and not lease.expired and not holder_is_gone(lease)


class Held:
    """A lease that is being renewed; `lost` once it could not be."""

    def __init__(self, store: Store, lease: Lease, seconds: float) -> None:
        self.lease = lease
        self._store, self._seconds = store, seconds
        self._over, self._lost = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._renew, name="lease", daemon=True)
        self._thread.start()

    @property
    def lost(self) -> bool:
        return self._lost.is_set()

    def end(self) -> None:
        self._over.set()
        self._thread.join()
        if not self.lost:
            self._store.leases.release(self.lease)

    def _renew(self) -> None:
        unrenewed = 0.0
        every = self._seconds / 6
        while not self._over.wait(every):
            try:
                unrenewed = 0.0
                renewed = self._store.leases.renew(self.lease, seconds=self._seconds)
            except TryAgain:
                unrenewed += every
                renewed = unrenewed < self._seconds
            if not renewed:
                self._lost.set()
                kill_all()
                return


def held(store: Store, key: ChangeKey, run_id: str, *, seconds: float) -> AbstractContextManager[Held]:
    """Raises LeaseLost, naming the holder, where another engine works on this change."""
    return held_by_name(store, lease_name(key), run_id, seconds=seconds)


@contextmanager
def held_by_name(store: Store, name: str, run_id: str, *, seconds: float) -> Generator[Held, None, None]:
    holder = holder_name(run_id)
    lease = store.leases.take(name, holder, seconds=seconds)
    if lease is None:
        other = store.leases.current(name)
        if other is not None and holder_is_gone(other):
            store.leases.release(other)
            lease = store.leases.take(name, holder, seconds=seconds)
    if lease is None:
        other = store.leases.current(name)
        what, by = name.partition(":")[2], other.holder.partition("@")[0] if other else "another"
        raise LeaseLost(f"{what} is being worked on by run {by}")
    keeping = Held(store, lease, seconds)
    try:
        yield keeping
    finally:
        keeping.end()
