"""What serves at a URL: one bounded look, and looking until one revision serves.
A service says its revision, the full SHA of a commit, in the header X-Revision, or as {"revision": …} at /healthz."""

import json
import re
import time
from typing import Any, cast

import httpx

from oneshot_dagster.services.deploy.protocol import Observed
from oneshot_dagster.system.tls import trust_for

LOOK_TIMEOUT = 5.0
FIRST_PAUSE, LONGEST_PAUSE = 0.05, 0.25
LONGEST_BODY = 64 * 1024
LONGEST_REVISION = 128
SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


def look(url: str) -> Observed:
    """Never raises: what does not answer is not ready. A branch or a version that it names says of no commit that it serves."""
    try:
        # The service is asked itself, not through a proxy.
        with httpx.Client(timeout=LOOK_TIMEOUT, trust_env=False, verify=trust_for(url)) as client:
            status, said, _ = _get(client, url)
            if said is None:
                said = _said(_get(client, f"{url.rstrip('/')}/healthz")[2])
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        detail = f"{url} does not answer: {type(problem).__name__} {problem}".strip()
        return Observed(revision=None, ready=False, url=url, detail=detail)
    ready = status == 200
    revision = said if said is not None and SHA.fullmatch(said) else None
    named = said if revision else f"{said}, which names no commit" if said else "not said"
    detail = f"{url} answers {status}, revision {named}"
    return Observed(revision=revision, ready=ready, url=url, detail=detail)


def look_until(url: str, *, sha: str, deadline: float) -> Observed:
    """Looks until `sha` serves or `deadline` (monotonic) is over; the last look in any case."""
    pause = FIRST_PAUSE
    while True:
        seen = look(url)
        if serves(seen, sha) or time.monotonic() + pause > deadline:
            return seen
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)


def serves(seen: Observed, sha: str) -> bool:
    return seen.ready and seen.revision == sha


def _get(client: httpx.Client, url: str) -> tuple[int, str | None, bytes]:
    """Status, the revision its header says, and the first part of the body."""
    body = b""
    end = time.monotonic() + LOOK_TIMEOUT  # httpx's own limit holds for each read, and a body may come in drops
    with client.stream("GET", url) as response:
        for part in response.iter_bytes():
            body += part
            if len(body) >= LONGEST_BODY or time.monotonic() > end:
                break
        return response.status_code, _plain(response.headers.get("x-revision")), body


def _said(body: bytes) -> str | None:
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return _plain(cast("dict[str, object]", found).get("revision")) if isinstance(found, dict) else None


def _plain(revision: object) -> str | None:
    if isinstance(revision, str) and 0 < len(revision) <= LONGEST_REVISION and revision.isprintable():
        return revision
    return None
