"""The deliveries that wait, hook by hook, and what tests do to them: hold, reorder, lose, send twice, delay.
Only ids: the rows are in the world, and a forge that starts again holds nothing back."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(kw_only=True)
class Switches:
    """`drop` and `duplicate` count down with each delivery that is taken; `delay` is in seconds."""

    held: bool = False
    drop: int = 0
    duplicate: int = 0
    delay: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """`times` is how often to send it: 0 is lost, 2 a duplicate."""

    delivery: int
    times: int
    delay: float


@dataclass(kw_only=True)
class _Line:
    """One hook's: those that were let go come first, in the order in which they were."""

    waiting: list[int] = field(default_factory=list[int])
    released: list[int] = field(default_factory=list[int])
    busy: bool = False


class Post:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._lines: dict[int, _Line] = {}
        self.switches = Switches()

    def add(self, hook: int, delivery: int) -> None:
        with self._lock:
            self._lines.setdefault(hook, _Line()).waiting.append(delivery)

    def forget(self, hook: int) -> None:
        with self._lock:
            line = self._lines.get(hook, _Line())
            line.waiting.clear()
            line.released.clear()

    def set(self, switches: Switches) -> None:
        with self._lock:
            self.switches = switches

    def release(self, deliveries: Sequence[int]) -> list[int]:
        """Lets these go, in this order; those of them that waited."""
        with self._lock:
            known = {d: line for line in self._lines.values() for d in line.waiting}
            found = [d for d in dict.fromkeys(deliveries) if d in known]
            for delivery in found:
                known[delivery].waiting.remove(delivery)
                known[delivery].released.append(delivery)
        return found

    def waiting(self) -> list[int]:
        with self._lock:
            return sorted(d for line in self._lines.values() for d in line.waiting)

    def idle(self) -> list[int]:
        """Hooks that have something to send and nobody who does; whoever asks must do it."""
        with self._lock:
            found = [hook for hook, line in self._lines.items() if not line.busy and self._next(line)]
            for hook in found:
                self._lines[hook].busy = True
            return found

    def take(self, hook: int) -> Taken | None:
        """None: nothing to send for now, and nobody sends for this hook any more."""
        with self._lock:
            line, now = self._lines[hook], self.switches
            if not (queue := self._next(line)):
                line.busy = False
                return None
            delivery, times = queue.pop(0), 1
            if now.drop > 0:
                now.drop, times = now.drop - 1, 0
            elif now.duplicate > 0:
                now.duplicate, times = now.duplicate - 1, 2
            return Taken(delivery=delivery, times=times, delay=now.delay)

    def _next(self, line: _Line) -> list[int]:
        if line.released or self.switches.held:
            return line.released
        return line.waiting
