"""Answers to reads, remembered so that GitHub can say "as before" (304), which costs nothing of the limit.
Each is asked for again every time: none is ever given without GitHub's word, in that moment, that it still holds."""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from oneshot_dagster.services.github.answers import Answer

MOST = 500
LARGEST = 256 * 1024
_KNOWN = "oneshot.remembered"  # the request keeps what it was compared with, whatever is forgotten meanwhile


@dataclass(frozen=True, kw_only=True, slots=True)
class _Remembered:
    tag: str
    headers: Mapping[str, str]
    content: bytes


class Etags:
    """By token and URL: what one token may see, another is not shown."""

    def __init__(self) -> None:
        self._known: OrderedDict[tuple[str, str], _Remembered] = OrderedDict()
        self._lock = threading.Lock()

    def ask(self, request: httpx.Request) -> None:
        """Called when the request has its token."""
        if request.method != "GET":
            return
        with self._lock:
            known = self._known.get(_key(request))
        if known is not None:
            request.headers["If-None-Match"] = known.tag
            request.extensions[_KNOWN] = known

    def answer(self, asked: str, response: httpx.Response) -> Answer:
        headers = {name.lower(): value for name, value in response.headers.items()}
        known: object = response.request.extensions.get(_KNOWN)
        if response.status_code == 304 and isinstance(known, _Remembered):
            return Answer(asked=asked, status=200, headers={**known.headers, **headers}, content=known.content)
        tag = headers.get("etag")
        if response.request.method == "GET" and response.status_code == 200 and tag:
            self._remember(_key(response.request), _Remembered(tag=tag, headers=headers, content=response.content))
        return Answer(asked=asked, status=response.status_code, headers=headers, content=response.content)

    def _remember(self, key: tuple[str, str], remembered: _Remembered) -> None:
        if len(remembered.content) > LARGEST:
            return
        with self._lock:
            self._known[key] = remembered
            self._known.move_to_end(key)
            if len(self._known) > MOST:
                self._known.popitem(last=False)


def _key(request: httpx.Request) -> tuple[str, str]:
    token = request.headers.get("authorization", "").encode()
    return hashlib.sha256(token).hexdigest(), str(request.url)
