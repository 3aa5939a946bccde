"""Addresses that work once and without a token, like those of the storage that GitHub sends people to for a job's log."""

import secrets
import threading


class Downloads:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._offered: dict[str, int] = {}

    def offer(self, check: int) -> str:
        key = secrets.token_urlsafe(24)
        with self._lock:
            self._offered[key] = check
        return key

    def take(self, key: str) -> int | None:
        with self._lock:
            return self._offered.pop(key, None)
