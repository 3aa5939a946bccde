"""What follows a delivery that was kept: it is projected, and the changes that it concerns are looked at, at once.
The sensors do the same later for whatever is missed here; nothing depends on this thread but time."""

import logging
import threading

from oneshot_dagster.domain.errors import OneshotError
from oneshot_dagster.services.launcher.protocol import Launcher
from oneshot_dagster.steps.project_events import project_events
from oneshot_dagster.steps.resume import continue_changes, start_new
from oneshot_dagster.steps.services import Services
from oneshot_dagster.steps.triggers import take_up

_LOOKS_APART = 5  # seconds, for what a lost notice would have told
_TOGETHER = (
    0.05  # seconds: what comes so soon after a look is looked at in one, since a look costs as much for ten as for one
)
_MOST = 500
_AFTER_A_FAULT = 2.0
_GOODBYE = 3.0
_LOG = logging.getLogger(__name__)


class Pump:
    """A thread for the length of the block."""

    def __init__(self, services: Services, launcher: Launcher) -> None:
        self._services, self._launcher = services, launcher
        self._ending = threading.Event()
        self._thread = threading.Thread(target=self._run, name="pump", daemon=True)

    def __enter__(self) -> "Pump":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        self._thread.join(_GOODBYE)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self._work()
            except OneshotError as error:
                _LOG.warning("deliveries wait: %s", error)
            except Exception:  # noqa: BLE001 - one fault of ours must not end what everything else of this process relies on
                _LOG.exception("deliveries wait")
            self._ending.wait(_AFTER_A_FAULT)

    def _work(self) -> None:
        while not self._ending.is_set():
            with self._services.store.waiting_for_events() as waiter:  # what was told before is found by this look
                follow_up(self._services, self._launcher)
                self._ending.wait(_TOGETHER)
                for _ in range(_LOOKS_APART):
                    if self._ending.is_set() or waiter.wait(1.0):
                        break


def follow_up(services: Services, launcher: Launcher) -> list[str]:
    """Everything that waits to be projected, a look at each change that it concerns or whose turn in its lane has come,
    and what people asked for is taken up. A sentence for each."""
    said: list[str] = []
    read = _MOST
    while read == _MOST:  # fewer: what came since then is another look's
        found = project_events(services, most=_MOST)
        read = found.read
        services.store.looks.wake(found.touched)
        called = {attempt.key for attempt in services.store.looks.called()}
        for key in sorted({*found.touched, *called}, key=str):
            said += continue_changes(services, launcher, only=key)
        if found.asked:
            said += take_up(services, repositories=found.asked)
            start_new(services, launcher)
    return said
