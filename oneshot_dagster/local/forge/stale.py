"""The last answers to each reading request, so that one can be answered from the state before the last change of it."""

import threading
from collections import OrderedDict

from oneshot_dagster.local.forge.asked import Asked, Reply

_KEPT = 2000  # requests of different kinds

_Key = tuple[str | None, str, str, bytes]


class LastAnswers:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[_Key, tuple[Reply | None, Reply]] = OrderedDict()

    def learn(self, asked: Asked, reply: Reply) -> None:
        if not asked.reads or reply.status not in {200, 404}:
            return
        key = _key(asked)
        with self._lock:
            before, newest = self._kept.pop(key, (None, reply))
            changed = (newest.status, newest.body) != (reply.status, reply.body)
            self._kept[key] = (newest, reply) if changed else (before, reply)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)

    def before(self, asked: Asked) -> Reply | None:
        """None where nothing else was ever answered."""
        with self._lock:
            return self._kept.get(_key(asked), (None, None))[0]


def _key(asked: Asked) -> _Key:
    return (asked.login, asked.method, asked.target, asked.body)
