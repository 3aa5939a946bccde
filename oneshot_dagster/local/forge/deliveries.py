"""Sends deliveries: signed, each hook's in order by one thread of its own, to loopback addresses only.
Nothing is sent again on its own; which wait, and what tests do to them, is post.py."""

import hashlib
import hmac
import ipaddress
import logging
import threading
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode, urlsplit

import httpx

from oneshot_dagster.local.forge.forge import Forge
from oneshot_dagster.local.forge.post import Taken
from oneshot_dagster.local.forge.records import App, Delivery, Hook
from oneshot_dagster.local.forge.world import now

_PATIENCE = 10.0
_KEPT = timedelta(days=3)
_LONGEST_ANSWER = 65_536
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where a hook's deliveries go; `kind` is repository or integration."""

    url: str
    secret: str | None
    content_type: str
    kind: str
    target: int


@dataclass(frozen=True, kw_only=True, slots=True)
class _Answer:
    """GitHub's words and number for how it went; the number is the receiver's where it answered."""

    status: str
    code: int
    headers: dict[str, str]
    body: str


_UNREACHED = _Answer(status="failed to connect to host", code=502, headers={}, body="")
_LATE = _Answer(status="timed out", code=504, headers={}, body="")


def is_loopback(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        local = host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
    return local and parts.scheme in {"http", "https"}


def resume(forge: Forge) -> None:
    """At start: what a killed forge had not sent. What was sent long ago is forgotten, as by GitHub."""
    for row in forge.world.all(Delivery):
        if row.sent_at is None:
            forge.post.add(row.hook, row.id)
        elif datetime.fromisoformat(row.sent_at) < datetime.now(UTC) - _KEPT:
            forge.world.drop(row)
    wake(forge)


def wake(forge: Forge) -> None:
    """After anything was added or let go. A transaction may do so: nothing is sent before its commit."""
    for hook in forge.post.idle():
        threading.Thread(target=_work, args=(forge, hook), name=f"hook-{hook}", daemon=True).start()


def _work(forge: Forge, hook: int) -> None:
    with httpx.Client(timeout=_PATIENCE, trust_env=False, verify=False) as http:  # noqa: S501 - loopback only
        while taken := forge.post.take(hook):
            try:
                _deliver(forge, http, taken)
            except Exception:  # noqa: BLE001 - one broken delivery must not stop those after it
                _LOG.exception("delivery %s failed", taken.delivery)


def _deliver(forge: Forge, http: httpx.Client, taken: Taken) -> None:
    time.sleep(taken.delay)
    with forge.world.change():  # not before the transaction that made it is over
        row = forge.world.get(Delivery, taken.delivery)
    target = target_of(forge, row.hook) if row else None
    if row is None or target is None:
        return
    body = _body(row, target)
    sent, started = _headers(row, target, body), time.monotonic()
    answer = _UNREACHED
    for _ in range(taken.times):
        answer = _sent(http, target.url, body, sent)
    done = replace(
        row,
        sent_at=now(),
        duration=round(time.monotonic() - started, 2),
        status=answer.status,
        status_code=answer.code,
        sent=sent,
        answered=answer.headers,
        answer=answer.body,
    )
    with forge.world.change():
        if forge.world.get(Delivery, row.id):  # its hook may be gone meanwhile
            forge.world.put(done)


def target_of(forge: Forge, hook: int) -> Target | None:
    row, app = forge.world.get(Hook, hook), forge.world.get(App, hook)
    if row:
        return Target(
            url=row.url, secret=row.secret, content_type=row.content_type, kind="repository", target=row.repository
        )
    if app and app.hook_url:
        return Target(
            url=app.hook_url,
            secret=app.hook_secret,
            content_type=app.hook_content_type,
            kind="integration",
            target=app.id,
        )
    return None


def _body(row: Delivery, target: Target) -> bytes:
    if target.content_type == "form":
        return urlencode({"payload": row.payload.encode(errors="replace")}).encode()
    return row.payload.encode(errors="replace")


def _headers(row: Delivery, target: Target, body: bytes) -> dict[str, str]:
    form = target.content_type == "form"
    shown = {
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
        "User-Agent": f"GitHub-Hookshot/{row.guid[:7]}",
        "X-GitHub-Delivery": row.guid,
        "X-GitHub-Event": row.event,
        "X-GitHub-Hook-ID": str(row.hook),
        "X-GitHub-Hook-Installation-Target-ID": str(target.target),
        "X-GitHub-Hook-Installation-Target-Type": target.kind,
    }
    return shown | (_signatures(target.secret, body) if target.secret else {})


def _signatures(secret: str, body: bytes) -> dict[str, str]:
    def by(algorithm: str) -> str:
        return f"{algorithm}={hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()}"

    return {"X-Hub-Signature": by("sha1"), "X-Hub-Signature-256": by("sha256")}


def _sent(http: httpx.Client, url: str, body: bytes, headers: dict[str, str]) -> _Answer:
    if not is_loopback(url):
        return _UNREACHED
    try:
        answer = http.post(url, content=body, headers=headers)
    except httpx.TimeoutException:
        return _LATE
    except (httpx.HTTPError, httpx.InvalidURL):
        return _UNREACHED
    good = answer.is_success
    return _Answer(
        status="OK" if good else f"Invalid HTTP Response: {answer.status_code}",
        code=answer.status_code,
        headers=dict(answer.headers),
        body=answer.text[:_LONGEST_ANSWER],
    )
