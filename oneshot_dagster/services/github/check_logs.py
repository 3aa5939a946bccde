"""Why a check failed, in its own words: its output, or, of a job of GitHub Actions, which gives none, its log.
A log lies on a server of its own, to which GitHub sends us: our token does not go there."""

import re
import time
from typing import Any

import httpx

from oneshot_dagster.services.github import shapes
from oneshot_dagster.services.github.answers import ABSENT, Json, part, read
from oneshot_dagster.services.github.connection import LOOPBACK, Connection
from oneshot_dagster.services.github.reading import latest_checks

KEPT = 64 * 1024  # bytes, of the end, where a log says what went wrong
LARGEST = 64 * 2**20
LONGEST = 60.0
_ACTIONS = "github-actions"
_FOUND = 302
_NOT_FOR_US = ABSENT | {403}
_STAMP = re.compile(r"^\ufeff?\d{4}-\d\d-\d\dT[\d:.]+Z ", re.MULTILINE)


class CheckLogs:
    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def of(self, repository: str, sha: str, name: str) -> str:
        """Of the latest check run of that name; "" where it says nothing or is not there."""
        bodies = latest_checks(self._connection, repository, sha, name=name)
        if not bodies:
            return ""
        newest = max(bodies, key=lambda body: int(body["id"]))
        return shapes.check_text(newest) or self._job_log(repository, newest) or self._annotated(repository, newest)

    def _job_log(self, repository: str, run: Json) -> str:
        """A job's number is that of its check run."""
        if part(run, "app").get("slug") != _ACTIONS:
            return ""
        path = f"/repos/{repository}/actions/jobs/{int(run['id'])}/logs"
        answer = self._connection.get(path, values=_NOT_FOR_US | {_FOUND})
        location = answer.headers.get("location", "")
        if answer.status != _FOUND or not may_follow(location, api=self._connection.api_url):
            return ""
        return _STAMP.sub("", tail_of(location))

    def _annotated(self, repository: str, run: Json) -> str:
        path = f"/repos/{repository}/check-runs/{int(run['id'])}/annotations"
        answer = self._connection.get(path, params={"per_page": 100}, values=_NOT_FOR_US)
        notes: list[Json] = [] if answer.status in _NOT_FOR_US else read(list[Any], answer)
        return "\n".join(filter(None, (shapes.check_summary(run), *map(shapes.annotation, notes))))


def may_follow(location: str, *, api: str) -> bool:
    """Encrypted, or on our own machine where the API is there too."""
    try:
        url = httpx.URL(location)
    except httpx.InvalidURL:
        return False
    ours = url.host in LOOPBACK and httpx.URL(api).host in LOOPBACK
    return bool(url.host) and (url.scheme == "https" or (url.scheme == "http" and ours))


def tail_of(url: str) -> str:
    """The end of what is there, "" where it cannot be had: a log helps, and nothing waits for it."""
    kept, read_, until = b"", 0, time.monotonic() + LONGEST
    trust_env = httpx.URL(url).host not in LOOPBACK
    try:
        with httpx.stream("GET", url, timeout=20.0, follow_redirects=False, trust_env=trust_env) as response:
            if response.status_code != 200:
                return ""
            for chunk in response.iter_bytes():
                kept, read_ = (kept + chunk)[-KEPT:], read_ + len(chunk)
                if read_ > LARGEST or time.monotonic() > until:
                    break
    except httpx.HTTPError:
        return ""
    whole = read_ <= KEPT
    return (kept if whole else kept.partition(b"\n")[2]).decode(errors="replace")
