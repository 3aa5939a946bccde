"""Argo CD's REST API, the few calls that we make of it: bounded in time and size, each failure decided.
TryAgain: not reached, slow, cut off, out of order, wrong data. Refused: it was reached and said no."""

import json
import re
import ssl
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote

import httpx

from oneshot_dagster.domain.errors import BadInput, TryAgain
from oneshot_dagster.services.deploy.argocd_application import Application, WrongShape, objects, read_application

LONGEST_ANSWER = 32 * 1024 * 1024  # an application of a thousand resources has some MB
LONGEST_MESSAGE = 500
REFRESH_TIMEOUT = 30.0  # it answers once the application was compared anew
_TOKEN = re.compile(r"[\x21-\x7e]+")
_OUT_OF_ORDER = frozenset({408, 425, 429, 500, 502, 503, 504})


class Refused(Exception):
    """Argo CD's own no, with its HTTP status."""

    def __init__(self, *, status: int, message: str) -> None:
        super().__init__(f"Argo CD answers {status}: {message}")
        self.status, self.message = status, message


@dataclass(frozen=True, kw_only=True, slots=True)
class Name:
    """An application's; no namespace: that of Argo CD itself."""

    name: str
    namespace: str = ""

    @classmethod
    def parse(cls, text: str) -> "Name":
        """`name`, or `namespace/name` as the argocd program has it."""
        namespace, _, name = text.strip().rpartition("/")
        return cls(name=name, namespace=namespace)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name

    @property
    def path(self) -> str:
        return f"/api/v1/applications/{quote(self.name, safe='')}"

    @property
    def where(self) -> dict[str, str]:
        return {"appNamespace": self.namespace} if self.namespace else {}


@dataclass(frozen=True, kw_only=True)
class ArgoCD:
    """`token` is read at each call, so that a renewed one is seen. `timeout` is of a whole call, in seconds."""

    url: str
    token: Callable[[], str]
    ca_file: Path | None = None
    timeout: float = 15.0

    def application(self, name: Name, *, refresh: bool = False) -> Application:
        """`refresh` has Argo CD compare with git first."""
        query = name.where | ({"refresh": "normal"} if refresh else {})
        body = self._send("GET", name.path, query=query, timeout=REFRESH_TIMEOUT if refresh else None)
        try:
            return read_application(body)
        except WrongShape as error:
            raise TryAgain(f"Argo CD's answer on {name} cannot be read: {error}") from None

    def revision_message(self, name: Name, revision: str, *, source: int, several: bool) -> str:
        """The message of a commit that the application knows."""
        query = name.where | ({"sourceIndex": str(source)} if several else {})
        body = self._object("GET", f"{name.path}/revisions/{quote(revision, safe='')}/metadata", query=query)
        return str(body.get("message") or "")

    def resources(self, name: Name) -> list[Mapping[str, Any]]:
        """Each managed resource with `liveState` and `targetState`, JSON as text."""
        body = self._object("GET", f"{name.path}/managed-resources", query=name.where)
        try:
            return objects(body, "items")
        except WrongShape as error:
            raise TryAgain(f"Argo CD's answer on the resources of {name} cannot be read: {error}") from None

    def sync(self, name: Name, *, revision: str) -> None:
        body = {"name": name.name, "revision": revision, **name.where}
        self._send("POST", f"{name.path}/sync", json_body=body)

    def sync_source(self, name: Name, *, revision: str, source: int) -> None:
        """Of an application with several sources, this one to that revision; Argo CD counts them from 1."""
        body = {"name": name.name, "revisions": [revision], "sourcePositions": [str(source + 1)], **name.where}
        self._send("POST", f"{name.path}/sync", json_body=body)

    def rollback(self, name: Name, *, past: int) -> None:
        body = {"name": name.name, "id": str(past), **name.where}
        self._send("POST", f"{name.path}/rollback", json_body=body)

    def version(self) -> str:
        return str(self._object("GET", "/api/version").get("Version") or "no version told")

    def user(self) -> str:
        """Who the token is; Refused where it is nobody."""
        body = self._object("GET", "/api/v1/session/userinfo")
        if body.get("loggedIn") is not True:
            raise Refused(status=401, message="the token is nobody's here")
        return str(body.get("username") or "an account without a name")

    def may_sync(self, application: Application) -> bool:
        what = quote(f"{application.project}/{application.name}", safe="")
        return self._object("GET", f"/api/v1/account/can-i/applications/sync/{what}").get("value") == "yes"

    def page(self, name: Name) -> str:
        """Where a person sees the application."""
        inner = f"{quote(name.namespace, safe='')}/" if name.namespace else ""
        return f"{self.url.rstrip('/')}/applications/{inner}{quote(name.name, safe='')}"

    def _object(self, method: str, path: str, query: Mapping[str, str] | None = None) -> Mapping[str, Any]:
        body = self._send(method, path, query=query)
        if not isinstance(body, dict):
            raise TryAgain(f"Argo CD's answer to {path} is no object")
        return cast("Mapping[str, Any]", body)

    def _send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json_body: Mapping[str, object] | None = None,
        timeout: float | None = None,
    ) -> object:
        limit = timeout or self.timeout
        headers = {"Authorization": f"Bearer {self._bearer()}", "Accept": "application/json"}
        try:
            with (
                httpx.Client(timeout=limit, verify=self._trust, follow_redirects=False) as client,
                client.stream(
                    method, f"{self.url.rstrip('/')}{path}", params=query, json=json_body, headers=headers
                ) as answer,
            ):
                content = _content(answer, path, limit)
        except httpx.TimeoutException:
            raise TryAgain(f"Argo CD at {self.url} did not answer {path} within {limit:g} s") from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise TryAgain(f"Argo CD at {self.url} could not be asked: {type(error).__name__} {error}") from None
        return _judged(answer, content, path)

    @cached_property
    def _trust(self) -> ssl.SSLContext:
        """The machine's authorities, or those of `ca_file` alone."""
        try:
            return ssl.create_default_context(cafile=str(self.ca_file) if self.ca_file else None)
        except (OSError, ssl.SSLError) as error:
            raise BadInput(
                tried="read Argo CD's certificate authorities",
                found=f"{self.ca_file}: {getattr(error, 'strerror', None) or type(error).__name__}",
                do="mend ONESHOT_ARGOCD__CA_FILE",
            ) from None

    def _bearer(self) -> str:
        """Checked here, because an HTTP library would quote a header that it refuses."""
        token = self.token()
        if not _TOKEN.fullmatch(token):
            raise BadInput(
                tried="use the Argo CD token",
                found="an empty one, or one with spaces or line ends in it",
                do="mend ONESHOT_ARGOCD__TOKEN or ONESHOT_ARGOCD__TOKEN_FILE",
            )
        return token


def _content(answer: httpx.Response, path: str, limit: float) -> bytes:
    end, parts, size = time.monotonic() + limit, list[bytes](), 0
    for part in answer.iter_bytes():  # httpx's own limit holds for each read, and an answer may come in drops
        parts.append(part)
        size += len(part)
        if size > LONGEST_ANSWER:
            raise TryAgain(f"Argo CD's answer to {path} is longer than {LONGEST_ANSWER // 2**20} MB")
        if time.monotonic() > end:
            raise TryAgain(f"Argo CD's answer to {path} did not end within {limit:g} s")
    return b"".join(parts)


def _judged(answer: httpx.Response, content: bytes, path: str) -> object:
    """The body, or the family of the failure."""
    status = answer.status_code
    if status in _OUT_OF_ORDER:
        wait = answer.headers.get("retry-after", "")
        raise TryAgain(
            f"Argo CD answers {status} to {path}: {_message(content)}", after=float(wait) if wait.isdecimal() else None
        )
    if 300 <= status < 400:
        to = answer.headers.get("location", "nowhere")[:LONGEST_MESSAGE]
        raise Refused(status=status, message=f"it sends us to {to}; ONESHOT_ARGOCD__URL has to name it as it is")
    if status != 200:
        raise Refused(status=status, message=_message(content))
    try:
        return cast("object", json.loads(content))
    except (ValueError, RecursionError):
        raise TryAgain(f"Argo CD's answer to {path} is not JSON; is ONESHOT_ARGOCD__URL its own address?") from None


def _message(content: bytes) -> str:
    """Of `runtimeError`, else the beginning of what came."""
    try:
        body: object = json.loads(content)
    except (ValueError, RecursionError):
        body = None
    if isinstance(body, dict):
        found = cast("dict[str, object]", body)
        return str(found.get("message") or found.get("error") or "no message")[:LONGEST_MESSAGE]
    return " ".join(content[:LONGEST_MESSAGE].decode(errors="replace").split()) or "no message"
